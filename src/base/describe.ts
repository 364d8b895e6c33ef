// What was found, in a few words, for the messages of errors: `'7 dayz'`, `null`, `an array`, `a Map`, `-3`.
// Never more than a line, and never the content of an object: values can be large and can be secrets.

const SHOWN_CHARACTERS = 60

export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string': return quote(value)
    case 'bigint': return `${quoteless(value.toString())}n`
    case 'symbol': return 'a symbol'
    case 'function': return 'a function'
    case 'object': return value === null ? 'null' : describeObject(value)
    default: return Object.is(value, -0) ? '-0' : String(value)
  }
}

/** `name` in single quotes, cut where it gets long, on one line. */
export function quote(name: string): string {
  return `'${quoteless(JSON.stringify(name).slice(1, -1).replaceAll('\\"', '"'))}'`
}

/** `'a', 'b' or 'c'` */
export function listNames(names: readonly string[]): string {
  const quoted = names.map(quote)
  const last = quoted.pop() ?? 'nothing'
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`
}

function quoteless(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return 'an array'
  const name = className(value)
  if (name === 'Object') return 'an object'
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${quoteless(name)}`
}

function className(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null || !('constructor' in prototype)) return 'Object'
  const { constructor } = prototype
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Object'
}

/** The kind alone, for values that may be secrets: `a string`, `undefined`, `a Map`. */
export function describeType(value: unknown): string {
  switch (typeof value) {
    case 'string': case 'number': case 'bigint': case 'boolean': return `a ${typeof value}`
    default: return describe(value)
  }
}
