/** Our own mistakes. Never for bytes from a disk or a caller: those are parsed and refused with a typed error. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`millrace: broken invariant: ${message}`)
}
