// What log.transaction() takes, and its defaults.
import { duration, identifier, oneOf, optionInvalid, optionTable, readOptions, signal, type OptionsOf } from '../base/options.ts'
import type { Duration } from '../base/units.ts'
import { OWN_PREFIX } from './transactional-producer.ts'

export interface TransactionOptions {
  /** The newest transaction of an id is it: one before that is still open is aborted. */
  id?: string
  /** Then it is aborted. */
  timeout?: Duration
  durability?: 'process' | 'power'
  signal?: AbortSignal
}

/** Timers hold no longer ones. */
const LONGEST_MS = 2 ** 31 - 1

const TRANSACTION_OPTIONS = optionTable({
  id: { default: undefined, read: readTransactionalId },
  timeout: { default: 60_000, read: duration({ min: 1, max: LONGEST_MS }) }, // as in Kafka; readers wait for open transactions
  durability: { default: undefined, read: oneOf(['process', 'power']) }, // the log's
  signal: { default: undefined, read: signal },
})

export type TransactionSettings = OptionsOf<typeof TRANSACTION_OPTIONS>

export function readTransactionOptions(options: unknown): TransactionSettings {
  return readOptions(options, TRANSACTION_OPTIONS, 'transaction')
}

function readTransactionalId(value: unknown, name: string): string {
  const id = identifier(value, name)
  if (!id.startsWith(OWN_PREFIX)) return id
  throw optionInvalid(value, name, `an id that does not begin with '${OWN_PREFIX}'`, 'the log names its own producers so: choose another')
}
