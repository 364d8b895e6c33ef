// The public names of `millrace/kafka`.
import { describe } from './base/describe.ts'
import { ConflictError, UsageError } from './base/errors.ts'
import { Door } from './kafka/door.ts'
import { readListenOptions, type ListenOptions } from './kafka/listen-options.ts'
import { EventLog, partsOf } from './surface/event-log.ts'

export type { ApiName } from './kafka/api-names.ts'
export type { Broker } from './kafka/broker.ts'
export { Door } from './kafka/door.ts'
export type { ListenOptions } from './kafka/listen-options.ts'
export type { DelayOptions, FailOptions } from './kafka/request-faults.ts'
export type { KafkaErrorName } from './kafka/kafka-errors.ts'

/** Kafka's protocol on a socket: any Kafka client works against the log, beside what this process does with it. */
export async function listen(log: EventLog, options?: ListenOptions): Promise<Door> {
  const settings = readListenOptions(options)
  if (!(log instanceof EventLog)) throw new UsageError('LOG_INVALID', `listen: found ${describe(log)}, expected a log`, { hint: "give what open('./data') or testLog() resolved with" })
  const parts = partsOf(log)
  parts.log.checkOpen()
  if (parts.log.settings.readOnly) throw new ConflictError('READ_ONLY', `listen: the log in ${log.location} was opened read-only`, { hint: 'listen in the process that writes the log' })
  return await Door.open(parts, settings)
}
