// The seam to the machine: every byte that outlives a call goes through here. Three implementations keep one contract
// (test/contract/file-system): plain files, the same with memory-mapped appends, and a simulated disk that is both
// `memory:` logs and the bed for torn writes, lost pages, full disks and failing syncs.
//
// Contract
// - Paths are absolute, '/'-joined by the caller (join below). A File is a name, not a descriptor: descriptors are
//   opened on demand behind it and bounded for the process, so any number of Files may be held. After a rename or
//   removal a File means whatever has its name then.
// - Methods without a promise do their work before they return and are meant for what the page cache answers;
//   methods with one work off the main thread (memory: in an order drawn from a seed).
// - write() writes all or throws; after a throw any prefix may have been written. It may extend the file; the file
//   never has a hole, because nobody writes beyond its end.
// - append() writes a batch where the appended ones end, after giving it offset, epoch and checksum. It may make the
//   file longer than it had to (zeros), which trim() takes back; truncate() does too.
// - After sync() resolves, every byte and the length as of the call are on the device. After syncDirectory()
//   resolves, so is every name that was created, renamed or removed in that directory before the call.
// - rename replaces the target atomically. remove of what is absent is a no-op.
// - link gives a file a second name: what is written under one is read under the other, and the bytes are there until
//   the last of its names is removed. It never replaces a name.
// - Failures are typed here and nowhere else: LimitError (ENOSPC EDQUOT EFBIG EMFILE ENFILE), StorageError (EIO and
//   the rest), NotFoundError (ENOENT), UsageError (EACCES EPERM EROFS ENOTDIR); `cause` is the system's error,
//   `details` hold { path, operation, errno }. A sync that was tried and failed is StorageError('SYNC_FAILED')
//   whatever the errno; a LimitError from sync() means that it was not tried, for want of a descriptor.

export interface FileSystem {
  readonly kind: 'mapped' | 'file' | 'memory'
  /** Why this kind, in words for a user. */
  readonly reason: string
  /** Names the running system: another boot means that the page cache is gone. null: it can't be told. */
  readonly bootId: string | null
  /** Of a disk in memory; undefined: the device and its other users decide. */
  readonly capacityBytes: number | undefined
  stat(path: string): FileStat | undefined
  /** The same place without symbolic links; of a path that is not there, the part that is. */
  realPath(path: string): string
  /** The names in a directory, sorted. */
  list(directory: string): string[]
  /** Makes the directory and its absent parents (mode 0700), and syncs the parents of what it made; without `sync` their syncDirectory does. */
  makeDirectory(path: string, options?: { sync: boolean }): void
  /** An empty directory; absent is a no-op. */
  removeDirectory(path: string): void
  remove(path: string): void
  /** The same off the main thread: to give back what a large file has in memory takes milliseconds. */
  removeLater(path: string): Promise<void>
  rename(from: string, to: string): void
  /** False where the file can't have another name there: this file system has no such thing, or it would lie on another one. */
  link(from: string, to: string): boolean
  /** 'create' fails if the file exists; 'write' and 'read' if it does not. Files are made with mode 0600 and never opened through a symbolic link. */
  open(path: string, mode: 'create' | 'write' | 'read'): File
  syncDirectory(path: string): Promise<void>
  syncDirectoryNow(path: string): void
  /** Takes the lock file (`.lock`) of a directory for this process, or throws a ConflictError that names the holder. */
  lock(directory: string): DirectoryLock
  /** Off the main thread, or in seeded order: for work that brings its own thread (libuv's zlib, a native codec). */
  readonly jobs: Jobs
}

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly bytes: number
  readonly modifiedMs: number
  /** Tells a file from another that has its name now. The number of one that is gone may be given again. */
  readonly id: number
  /** Those that lie on the same one share its room. */
  readonly device: number
}

export interface File {
  readonly path: string
  bytes(): number
  /** Fills target from position as far as the file goes; returns the count of bytes read. */
  read(target: Uint8Array, position: number): number
  readLater(target: Uint8Array, position: number): Promise<number>
  /** Also tells how many bytes from its beginning on are whole batches whose checksums hold; 0 where nobody looked. */
  readBatches(target: Uint8Array, position: number): Promise<BatchesRead>
  /** As much of it as is in memory, from its beginning on, without waiting for a device; 0 after any failure, and where the system can't tell. */
  readCached(target: Uint8Array, position: number): number
  write(source: Uint8Array, position: number): void
  /** The sealed batch at the beginning of `batch`, stamped in place (native/stamp.ts). */
  append(batch: Buffer, bytes: number, position: number, baseOffset: number, leaderEpoch: number): void
  /** Appends will hardly go further: no room is made beyond. */
  expectBytes(bytes: number): void
  /** Whether there was anything beyond `bytes` that appends had made room for. */
  trim(bytes: number): boolean
  truncate(bytes: number): void
  sync(): Promise<void>
  syncNow(): void
  /** Drops the descriptor if there is one, once pending promises have settled. A later call opens it again. */
  close(): void
}

export interface BatchesRead { readonly filled: number; readonly checked: number }

export interface DirectoryLock {
  /** What the lock file held of an earlier holder's `note`, for as long as nobody overwrote it; '' if none. */
  readonly earlierNote: string
  /** The boot id that the earlier holder ran under; null when there was none or it could not tell. */
  readonly earlierBootId: string | null
  /** Plain write of a line that the next holder reads (the page cache is enough: it matters on the same boot). Also stores this boot's id when `claimBoot`. */
  write(note: string, options: { claimBoot: boolean }): void
  release(): void
}

export interface Jobs {
  run<T>(work: () => T | Promise<T>): Promise<T>
  /** For tasks over files by their names; undefined: there is none to be had, and the caller works in slices. */
  thread(): TaskThread | undefined
}

export interface TaskThread {
  run(task: string, request: unknown): Promise<unknown>
  /** What it has not ended rejects. */
  end(): void
}

export function join(...parts: readonly string[]): string {
  return parts.join('/')
}
