// What went wrong by our own mistake: a client gets UNKNOWN_SERVER_ERROR, and whoever runs the log is to know why.
import { UsageError } from '../base/errors.ts'
import type { OpenLog } from '../log/open-log.ts'
import { kafkaErrorOf, messageOf } from './kafka-errors.ts'
import type { Api } from './protocol/api.ts'

/** For every error that a handler has put into an answer, or thrown; those that have a name in Kafka are none of ours. */
export function tellMistake(log: OpenLog, api: Pick<Api, 'name'>, cause: unknown): void {
  if (kafkaErrorOf(cause) !== 'UNKNOWN_SERVER_ERROR') return
  const error = new UsageError('REQUEST_FAILED', `a ${api.name} request failed: ${messageOf(cause)}`, { hint: 'this is a mistake of millrace: please report it', cause })
  log.events.emit('error', { error })
}
