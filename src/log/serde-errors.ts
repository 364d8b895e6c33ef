// What serdes throw, and the text rule they share. Of a value that can't be encoded the kind is named, never the content.
// Whoever reads a record adds topic, partition and offset; here only the serde and the place inside the value are known.
import { CorruptionError, MillraceError, UsageError } from '../base/errors.ts'

export interface NotEncodable {
  readonly serde: string
  /** Completes "serde 'json' can't encode …". */
  readonly found: string
  readonly hint: string
  /** From the top of the value: ['items', 3]. */
  readonly path?: readonly (string | number)[]
  readonly cause?: unknown
}

export function notEncodable(facts: NotEncodable): UsageError {
  const { serde, found, hint, path = [], cause } = facts
  const place = path.length === 0 ? '' : ` (at ${formatPath(path)})`
  return new UsageError('VALUE_NOT_ENCODABLE', `serde '${serde}' can't encode ${found}${place}`, { hint, details: { serde, found, path }, cause })
}

/** Already typed errors pass; anything else becomes the cause of one. */
export function notDecodable(serde: string, bytes: Uint8Array, cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new CorruptionError('VALUE_NOT_DECODABLE', `serde '${serde}' can't decode ${bytes.length} bytes: ${reason}`, {
    hint: 'the record was written by another serde, or damaged before it was sent', details: { serde, bytes: bytes.length }, cause,
  })
}

/** `items[3].price` */
export function formatPath(path: readonly (string | number)[]): string {
  return path.map((key, index) => {
    if (typeof key === 'number') return `[${key}]`
    if (!/^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(key)) return `[${JSON.stringify(key)}]`
    return index === 0 ? key : `.${key}`
  }).join('')
}

/** Without lone surrogates, which UTF-8 can't carry: encoders put U+FFFD in their place and two keys become one. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}
