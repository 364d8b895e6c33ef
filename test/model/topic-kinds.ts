// The topics that histories are made of: a name with its serdes, and how the value number n looks there.
import { nextTurn } from '../../src/platform/next-turn.ts'
import type { TopicOptions } from '../../src/index.ts'

export interface TopicKind {
  readonly name: string
  readonly options: TopicOptions
  readonly timestamps: 'create' | 'append'
  /** Its schema answers later: sendSync is refused. */
  readonly asynchronous: boolean
  value(number: number, padding: number): unknown
}

/** Validations that have not ended. */
export const slowSchemas = { underway: 0 }

const slowSchema = {
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    async validate(value: unknown): Promise<{ value: unknown }> {
      slowSchemas.underway++
      for (let turns = (value as { number: number }).number; turns % 3 !== 0; turns--) await nextTurn()
      slowSchemas.underway--
      return { value }
    },
  },
}

export const TOPIC_KINDS: readonly TopicKind[] = [
  {
    name: 'orders', options: {}, timestamps: 'create', asynchronous: false,
    value: (number, padding) => ({ number, item: 'x'.repeat(padding) }),
  },
  {
    name: 'notes', options: { value: 'string', timestamps: 'append' }, timestamps: 'append', asynchronous: false,
    value: (number, padding) => `note ${number}${'·'.repeat(padding)}`,
  },
  {
    name: 'raw-1', options: { value: 'bytes', partitioner: 'murmur2' }, timestamps: 'create', asynchronous: false,
    value: (number, padding) => Buffer.from(`${number}/${'\0'.repeat(padding)}`),
  },
  {
    name: 'raw', options: { value: 'json', schema: slowSchema }, timestamps: 'create', asynchronous: true,
    value: (number, padding) => ({ number, list: [padding] }),
  },
]
