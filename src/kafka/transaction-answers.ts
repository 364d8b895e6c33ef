// What the handlers of transactions share: how a refusal of the coordinator, or a failure of its disk, is told.
import { MillraceError } from '../base/errors.ts'
import { KAFKA_ERRORS, KafkaError, type KafkaErrorName } from './kafka-errors.ts'

/** Before that version of AddPartitionsToTxn, AddOffsetsToTxn, EndTxn and TxnOffsetCommit a client has not heard of PRODUCER_FENCED. */
const KNOWS_FENCED = 2

/** undefined: nothing was refused. */
export function refusalCode(refusal: KafkaErrorName | undefined, hasHeardOfFenced: boolean): number {
  if (refusal === 'PRODUCER_FENCED' && !hasHeardOfFenced) return KAFKA_ERRORS.INVALID_PRODUCER_EPOCH
  return KAFKA_ERRORS[refusal ?? 'NONE']
}

export function knowsFenced(version: number): boolean {
  return version >= KNOWS_FENCED
}

/** A disk that fails is for the client a coordinator that can't be reached: it tries again. */
export async function fromCoordinator<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof MillraceError ? new KafkaError('COORDINATOR_NOT_AVAILABLE', error.message) : error
  }
}
