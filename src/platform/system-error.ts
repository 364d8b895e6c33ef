// What the operating system refuses, as the errors of errors.ts: the only place that reads an errno. The simulated
// disk raises the same system errors and has them typed here, so both file systems fail alike. A failed sync is its
// own kind whatever the errno: it says that bytes written long ago may be gone, which "disk full" would hide.
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import {
  ConflictError, LimitError, NotFoundError, StorageError, UsageError, type ErrorFacts, type MillraceError,
} from '../base/errors.ts'

interface Failure {
  readonly type: new (code: string, message: string, facts: ErrorFacts) => MillraceError
  readonly code: string
  readonly text: string
  readonly hint: string
  readonly retriable: boolean
}

const tooManyFiles = failure(LimitError, 'TOO_MANY_OPEN_FILES', 'no file descriptor is left', 'raise the limit of open files (ulimit -n) or close what holds them', true)
const denied = failure(UsageError, 'PERMISSION_DENIED', 'permission is denied', 'the directory and its files must belong to the user who runs this process')

/** Of Node's permission model, which is asked before the system is. */
const FORBIDDEN = 'ERR_ACCESS_DENIED'

const FAILURES: Readonly<Record<string, Failure>> = {
  ENOSPC: failure(LimitError, 'DISK_FULL', 'the disk is full', 'free some space, then try again', true),
  EDQUOT: failure(LimitError, 'QUOTA_EXCEEDED', 'the disk quota is used up', 'free some space or raise the quota, then try again', true),
  EFBIG: failure(LimitError, 'FILE_TOO_LARGE', 'the file would grow beyond what is allowed', 'choose smaller segments (segmentBytes) or raise the file size limit (ulimit -f)'),
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
  ENOENT: failure(NotFoundError, 'NO_SUCH_FILE', 'it does not exist', 'was it removed by another program?'),
  EBUSY: failure(ConflictError, 'IN_USE', 'it is in use', "close what holds it; a mount point can't be replaced: choose a directory in it"),
  EEXIST: failure(ConflictError, 'FILE_EXISTS', 'it exists already', 'was it made by another program?'),
  ENOTEMPTY: failure(ConflictError, 'DIRECTORY_NOT_EMPTY', 'the directory is not empty', 'was something put there by another program?'),
  EACCES: denied,
  EPERM: denied,
  [FORBIDDEN]: failure(UsageError, 'PERMISSION_DENIED', "Node's permission model forbids it", 'start Node with --allow-fs-read and --allow-fs-write for the directory, those above it that have to be made, and all in it'),
  EROFS: failure(UsageError, 'READ_ONLY_FILE_SYSTEM', 'the file system is mounted read-only', 'open with readOnly: true, or choose another directory'),
  ENOTDIR: failure(UsageError, 'NOT_A_DIRECTORY', 'a part of the path is not a directory', 'choose another path'),
  EISDIR: failure(UsageError, 'NOT_A_FILE', 'it is a directory', 'choose another path'),
  ELOOP: failure(UsageError, 'SYMBOLIC_LINK', 'it is a symbolic link', 'files of the log are never opened through one: put the file itself there'),
  ENAMETOOLONG: failure(UsageError, 'NAME_TOO_LONG', 'the name is too long for this file system', 'choose a shorter path'),
}

/** Another file system; one without such names (FAT, some FUSE and network ones); not this user's file; too many names. */
const LINK_REFUSALS: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** The typed error for a failed operation. What is typed already, or is no system error, comes back as it is. */
export function systemFailure(error: unknown, operation: string, path: string): Error {
  if (!isSystemError(error)) return asError(error)
  const known = FAILURES[error.code]
  const type = known?.type ?? StorageError
  return new type(known?.code ?? 'IO_FAILED', `cannot ${operation} ${path}: ${known?.text ?? 'the operating system reports a failure'} (${error.code})`, {
    hint: known?.hint ?? 'check the disk and the system log',
    details: { path, operation, errno: error.code },
    cause: error,
    retriable: known?.retriable ?? false,
  })
}

/** A sync that was tried and failed. Never tried again here: the second one would succeed while the bytes are gone. */
export function syncFailure(error: unknown, operation: string, path: string): Error {
  if (!isSystemError(error)) return asError(error)
  return new StorageError('SYNC_FAILED', `cannot sync ${path}: what was written since the last sync may be lost (${error.code})`, {
    hint: 'check the disk and the system log; recover() reads back what the device really holds',
    details: { path, operation, errno: error.code },
    cause: error,
  })
}

/** A second name for a file that can't be had there, whatever the caller does: other names would do no better, a copy does. */
export function cannotLink(error: unknown): boolean {
  return isSystemError(error) && LINK_REFUSALS.has(error.code)
}

/** Somebody else removed the name of a file that is in use. */
export function fileDeleted(operation: string, path: string): StorageError {
  return new StorageError('FILE_DELETED', `cannot ${operation} ${path}: another program has deleted it`, {
    hint: 'restore it from a copy; while a log is open its files belong to the process that writes it', details: { path, operation },
  })
}

/** Somebody else cut bytes off a file that is in use. */
export function fileCut(operation: string, path: string, expectedBytes: number, bytes: number): StorageError {
  return new StorageError('FILE_CUT', `cannot ${operation} ${path}: another program has cut it from ${expectedBytes} to ${bytes} bytes`, {
    hint: 'restore it from a copy; while a log is open its files belong to the process that writes it', details: { path, operation, expectedBytes, bytes },
  })
}

/** The error of a native call, which returns errno as a negative number. */
export function nativeError(result: number, operation: string, path: string): NodeJS.ErrnoException {
  return systemError(getSystemErrorName(result), operation, path)
}

/** An error as Node makes it for a failed system call. */
export function systemError(code: string, operation: string, path: string): NodeJS.ErrnoException {
  const errno = (constants.errno as Readonly<Record<string, number>>)[code]
  if (errno === undefined) throw new Error(`millrace: no errno is called ${code}`)
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code, errno: -errno, syscall: operation, path })
}

export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && ('syscall' in error || error.code === FORBIDDEN)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}

function failure(type: Failure['type'], code: string, text: string, hint: string, retriable = false): Failure {
  return { type, code, text, hint, retriable }
}
