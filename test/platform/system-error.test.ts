import { expect, test } from 'vitest'
import { ConflictError, LimitError, NotFoundError, StorageError, UsageError } from '../../src/base/errors.ts'
import { syncFailure, systemError, systemFailure } from '../../src/platform/system-error.ts'

test.each([
  ['ENOSPC', LimitError, 'DISK_FULL', true], ['EDQUOT', LimitError, 'QUOTA_EXCEEDED', true], ['EFBIG', LimitError, 'FILE_TOO_LARGE', false],
  ['EMFILE', LimitError, 'TOO_MANY_OPEN_FILES', true], ['ENFILE', LimitError, 'TOO_MANY_OPEN_FILES', true],
  ['ENOENT', NotFoundError, 'NO_SUCH_FILE', false], ['EEXIST', ConflictError, 'FILE_EXISTS', false], ['EBUSY', ConflictError, 'IN_USE', false], ['ENOTEMPTY', ConflictError, 'DIRECTORY_NOT_EMPTY', false],
  ['EACCES', UsageError, 'PERMISSION_DENIED', false], ['EPERM', UsageError, 'PERMISSION_DENIED', false], ['EROFS', UsageError, 'READ_ONLY_FILE_SYSTEM', false],
  ['ENOTDIR', UsageError, 'NOT_A_DIRECTORY', false], ['EISDIR', UsageError, 'NOT_A_FILE', false], ['ELOOP', UsageError, 'SYMBOLIC_LINK', false],
  ['ENAMETOOLONG', UsageError, 'NAME_TOO_LONG', false],
  ['EIO', StorageError, 'IO_FAILED', false], ['EBADF', StorageError, 'IO_FAILED', false], ['ENODEV', StorageError, 'IO_FAILED', false],
] as const)('%s is told as it is, with path, operation, errno and a hint', (errno, type, code, retriable) => {
  const cause = systemError(errno, 'write', '/data/x')
  const failure = systemFailure(cause, 'write', '/data/x')
  expect(failure).toBeInstanceOf(type)
  expect(failure).toMatchObject({ code, retriable, cause, details: { path: '/data/x', operation: 'write', errno } })
  expect(failure.message).toMatch(new RegExp(`^cannot write /data/x: .+ \\(${errno}\\)$`))
  expect((failure as UsageError).hint).not.toBe('')
})

test("what Node's permission model forbids is a UsageError that says how to allow it", () => {
  const cause = Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED', permission: 'FileSystemWrite', resource: '/data/x' })
  expect(systemFailure(cause, 'open', '/data/x')).toMatchObject({ name: 'UsageError', code: 'PERMISSION_DENIED', cause, hint: expect.stringContaining('--allow-fs-write') as string })
})

test('a failed sync is SYNC_FAILED whatever the errno', () => {
  for (const errno of ['EIO', 'ENOSPC', 'EDQUOT']) expect(syncFailure(systemError(errno, 'fsync', '/x'), 'sync', '/x')).toMatchObject({ name: 'StorageError', code: 'SYNC_FAILED', retriable: false, details: { errno } })
})

test('what is no system error comes back as it is', () => {
  const typed = new LimitError('X', 'x', { hint: 'h' })
  expect(systemFailure(typed, 'write', '/x')).toBe(typed)
  const ours = new TypeError('a bug')
  expect(systemFailure(ours, 'write', '/x')).toBe(ours)
  expect(syncFailure(ours, 'sync', '/x')).toBe(ours)
  expect(systemFailure('text', 'write', '/x')).toBeInstanceOf(Error)
})
