// What an error is on the wire: by its code where Kafka has the same, else by its class.
import { expect, test } from 'vitest'
import { ClosedError, ConflictError, CorruptionError, LimitError, NotFoundError, OutOfRangeError, StorageError, TimeoutError, UsageError } from '../../src/index.ts'
import { KAFKA_ERRORS, KafkaError, errorCodeOf, kafkaErrorOf, messageOf } from '../../src/kafka/kafka-errors.ts'

const facts = { hint: 'none' }

test.each([
  [new KafkaError('NOT_COORDINATOR', 'no'), 'NOT_COORDINATOR'],
  [new ConflictError('TOPIC_EXISTS', 'no', facts), 'TOPIC_ALREADY_EXISTS'],
  [new NotFoundError('TOPIC_DELETED', 'no', facts), 'UNKNOWN_TOPIC_OR_PARTITION'],
  [new UsageError('TOPIC_NAME_INVALID', 'no', facts), 'INVALID_TOPIC_EXCEPTION'],
  [new ConflictError('PRODUCER_FENCED', 'no', facts), 'INVALID_PRODUCER_EPOCH'],
  [new ConflictError('SEQUENCE_OUT_OF_ORDER', 'no', facts), 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  [new LimitError('DISK_FULL', 'no', facts), 'KAFKA_STORAGE_ERROR'],
  [new StorageError('PARTITION_FAILED', 'no', facts), 'KAFKA_STORAGE_ERROR'],
  [new ClosedError('LOG_CLOSED', 'no', facts), 'KAFKA_STORAGE_ERROR'],
  [new OutOfRangeError('OFFSET_OUT_OF_RANGE', 'no', facts), 'OFFSET_OUT_OF_RANGE'],
  [new CorruptionError('CHECKSUM', 'no', facts), 'CORRUPT_MESSAGE'],
  [new TimeoutError('CLOSE_TIMED_OUT', 'no', facts), 'REQUEST_TIMED_OUT'],
  [new UsageError('OPTION_INVALID', 'no', facts), 'INVALID_REQUEST'],
  [new ConflictError('READ_ONLY', 'no', facts), 'INVALID_REQUEST'],
  [new TypeError('ours'), 'UNKNOWN_SERVER_ERROR'],
] as const)('%s is %s', (error, name) => {
  expect(kafkaErrorOf(error)).toBe(name)
  expect(errorCodeOf(error)).toBe(KAFKA_ERRORS[name])
  expect(messageOf(error)).toBe(error.message)
})
