// What join() takes, and its defaults.
import { identifier, oneOf, optionInvalid, optionTable, duration, readOptions, signal, size, type OptionsOf } from '../base/options.ts'
import { UsageError } from '../base/errors.ts'
import type { Duration, Size } from '../base/units.ts'
import { readPosition, type Position } from '../log/positions.ts'

export interface JoinOptions {
  /** Where the group begins on a partition that it has no commit for: a choice each caller makes. */
  from: Position
  isolation?: 'read_committed' | 'read_uncommitted'
  assignor?: 'sticky' | 'range' | 'roundRobin'
  /** Static membership: a restart within sessionTimeout gets the same partitions back. */
  memberId?: string
  sessionTimeout?: Duration
  revokeTimeout?: Duration
  commit?: 'auto' | 'manual' | 'before'
  commitInterval?: Duration
  /** Where a committed offset is no longer stored. */
  onMissing?: 'error' | Position
  maxBufferedBytes?: Size
  signal?: AbortSignal
}

/** Timers hold no longer ones. */
const LONGEST_MS = 2 ** 31 - 1

/** What the group calls members that have no memberId. */
const OWN_ID = /^member-\d+$/

export const JOIN_OPTIONS = optionTable({
  from: { default: undefined, read: readPosition },
  isolation: { default: 'read_committed', read: oneOf(['read_committed', 'read_uncommitted']) },
  assignor: { default: 'sticky', read: oneOf(['sticky', 'range', 'roundRobin']) }, // what need not move does not
  memberId: { default: undefined, read: readMemberId },
  sessionTimeout: { default: 45_000, read: duration({ min: 1, max: LONGEST_MS }) }, // as in Kafka
  revokeTimeout: { default: 30_000, read: duration({ max: LONGEST_MS }) }, // a handler that hangs holds a partition no longer
  commit: { default: 'auto', read: oneOf(['auto', 'manual', 'before']) },
  commitInterval: { default: 0, read: duration({ max: LONGEST_MS }) }, // once a tick: a commit costs microseconds
  onMissing: { default: 'error', read: (value, name) => value === 'error' ? value : readPosition(value, name) }, // never a silent jump
  maxBufferedBytes: { default: 16 * 1024 * 1024, read: size({ min: 1 }) },
  signal: { default: undefined, read: signal },
})

export type JoinSettings = Omit<OptionsOf<typeof JOIN_OPTIONS>, 'from'> & { readonly from: Position }

export function readJoinOptions(options: unknown, what: string): JoinSettings {
  const settings = readOptions(options, JOIN_OPTIONS, what)
  checkFrom(settings.from, what)
  return settings as JoinSettings
}

/** There is no default: 'latest' leaves out what was there before, 'earliest' handles all of it. */
export function checkFrom(from: Position | undefined, what: string): asserts from is Position {
  if (from !== undefined) return
  throw new UsageError('FROM_MISSING', `${what}: option 'from' is missing`, {
    hint: "say where the group begins on a partition that it has no commit for: { from: 'earliest' } or { from: 'latest' }",
  })
}

function readMemberId(value: unknown, name: string): string {
  const id = identifier(value, name)
  if (!OWN_ID.test(id)) return id
  throw optionInvalid(value, name, "an id that is not the group's own", "the group names members 'member-1', 'member-2', … that have no memberId: choose another")
}
