// The errors a user can meet: one class for each way of acting on them, one code for each cause.
// Codes are stable, classes are few. Every error names what was found (`details`) and what to do (`hint`);
// `retriable` says whether the same call can succeed later without a change by the caller.
// Anyone may throw these; nobody throws a bare Error, save the assertions of assert.ts.

export interface ErrorFacts {
  readonly hint: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
  readonly retriable?: boolean
}

export class MillraceError extends Error {
  // On the prototypes and by hand: a bundler may rename a class, and a stack begins with the name as it is by then.
  static { this.prototype.name = 'MillraceError' }
  readonly code: string
  readonly hint: string
  readonly retriable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.hint = facts.hint
    this.retriable = facts.retriable ?? false
    this.details = Object.freeze({ ...facts.details })
  }
}

/** The caller's mistake: nothing was changed. */
export class UsageError extends MillraceError {
  static { this.prototype.name = 'UsageError' }
}

/** The object was closed, or its topic deleted, before or during the call. */
export class ClosedError extends MillraceError {
  static { this.prototype.name = 'ClosedError' }
}

/** What was named does not exist. */
export class NotFoundError extends MillraceError {
  static { this.prototype.name = 'NotFoundError' }
}

/** Lock held, fenced, contradicting options. */
export class ConflictError extends MillraceError {
  static { this.prototype.name = 'ConflictError' }
}

/** An offset outside what is stored. */
export class OutOfRangeError extends MillraceError {
  static { this.prototype.name = 'OutOfRangeError' }
}

/** Too large, quota, disk full, no descriptors: nothing changed, try again when there is room. */
export class LimitError extends MillraceError {
  static { this.prototype.name = 'LimitError' }
}

/** Stored bytes are not what was written: a checksum fails, or a structure makes no sense. */
export class CorruptionError extends MillraceError {
  static { this.prototype.name = 'CorruptionError' }
}

/** The disk or the operating system failed. */
export class StorageError extends MillraceError {
  static { this.prototype.name = 'StorageError' }
}

export class TimeoutError extends MillraceError {
  static { this.prototype.name = 'TimeoutError' }
}
