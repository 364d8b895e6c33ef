// Values of configs: Kafka has them as texts, each of a type. What a kind reads is what the log's settings hold.
import { describe, quote } from '../base/describe.ts'

/** Kafka's numbers for them. */
export const CONFIG_TYPES = { BOOLEAN: 1, STRING: 2, INT: 3, SHORT: 4, LONG: 5, DOUBLE: 6, LIST: 7 } as const
export type ConfigType = keyof typeof CONFIG_TYPES

/** Where a value comes from; Kafka's numbers. */
export const CONFIG_SOURCES = { TOPIC: 1, BROKER: 4, DEFAULT: 5 } as const
export type ConfigSource = typeof CONFIG_SOURCES[keyof typeof CONFIG_SOURCES]

export interface ConfigKind<T> {
  readonly type: ConfigType
  /** Throws a RangeError that says what is allowed. */
  readonly read: (text: string) => T
  readonly show: (value: T) => string
}

const LONG_MAX = 2n ** 63n - 1n
const LIMITS = { INT: 2n ** 31n - 1n, LONG: LONG_MAX } as const
const WHOLE = /^[+-]?[0-9]{1,19}$/

export interface WholeOptions {
  readonly min: number
  readonly max?: number
  /** Kafka's text for no limit, where there may be none; so is any number that JavaScript can't hold. */
  readonly unlimited?: '-1' | 'largest'
}

/** A whole number; without a limit it is Infinity. */
export function whole(type: 'INT' | 'LONG', { min, max, unlimited }: WholeOptions): ConfigKind<number> {
  const noLimit = unlimited === 'largest' ? String(LONG_MAX) : unlimited
  const allowed = `a whole number from ${min}${max === undefined ? '' : ` to ${max}`}${unlimited === '-1' ? ', or -1' : ''}`
  return {
    type,
    read(text) {
      const number = WHOLE.test(text) ? BigInt(text) : undefined
      if (number === undefined || number > LIMITS[type]) throw notAllowed(text, allowed)
      if (noLimit !== undefined && (String(number) === noLimit || number > Number.MAX_SAFE_INTEGER)) return Infinity
      if (number < min || number > (max ?? Number.MAX_SAFE_INTEGER)) throw notAllowed(text, allowed)
      return Number(number)
    },
    show: value => value === Infinity ? noLimit ?? String(LONG_MAX) : String(value),
  }
}

export function ratio(): ConfigKind<number> {
  return {
    type: 'DOUBLE',
    read(text) {
      const number = text === '' ? NaN : Number(text)
      if (!(number >= 0 && number <= 1)) throw notAllowed(text, 'a number from 0 to 1')
      return number
    },
    show: String,
  }
}

/** Kafka's names, and what each is here. */
export function choice<T>(names: Readonly<Record<string, T>>): ConfigKind<T> {
  return {
    type: 'STRING',
    read(text) {
      if (Object.hasOwn(names, text)) return names[text]!
      throw notAllowed(text, `one of ${Object.keys(names).join(', ')}`)
    },
    show: value => Object.keys(names).find(name => names[name] === value) ?? String(value),
  }
}

/** Names in any order, and what each set of them is here. */
export function setOf<T>(names: Readonly<Record<string, T>>): ConfigKind<T> {
  const { read, show } = choice(names)
  return { type: 'LIST', read: text => read([...new Set(partsOf(text))].sort().join(',')), show }
}

/** Anything of that type, as it is. */
export function anyOf(type: ConfigType): ConfigKind<string> {
  const forms: Partial<Record<ConfigType, RegExp>> = { BOOLEAN: /^(?:true|false)$/i, INT: WHOLE, LONG: WHOLE }
  return {
    type,
    read(text) {
      if (forms[type]?.test(text) === false) throw notAllowed(text, `a value of type ${type}`)
      return text
    },
    show: value => value,
  }
}

/** Of a list. */
export function partsOf(text: string): string[] {
  return text.split(',').map(part => part.trim()).filter(part => part !== '')
}

function notAllowed(text: string, allowed: string): RangeError {
  return new RangeError(`found ${text.length > 100 ? describe(text) : quote(text)}, expected ${allowed}`)
}
