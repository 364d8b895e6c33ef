// One batch in one Produce request, and what a partition holds.
import type { Decoded, Encodable } from '../../../src/kafka/protocol/field.ts'
import { produce } from '../../../src/kafka/apis/00-produce.ts'
import type { KafkaErrorName } from '../../../src/kafka/kafka-errors.ts'
import { KAFKA_ERRORS } from '../../../src/kafka/kafka-errors.ts'
import type { Topic } from '../../../src/index.ts'
import type { WireClient } from './wire-client.ts'

type Request = Encodable<typeof produce.request.fields>
export type ProduceAnswer = Decoded<typeof produce.response.fields>
export type PartitionAnswer = ProduceAnswer['responses'][number]['partitionResponses'][number]

export interface ProduceOptions {
  readonly topic?: string
  readonly index?: number
  readonly version?: number
  readonly acks?: number
  readonly transactionalId?: string | null
}

/** Versions below 13: by name. */
export function requestOf(records: Buffer | null, { topic = 'orders', index = 0, acks = 1, transactionalId = null }: ProduceOptions = {}): Request {
  return { acks, timeoutMs: 1000, transactionalId, topicData: [{ name: topic, partitionData: [{ index, records }] }] }
}

export async function send(client: WireClient, records: Buffer | null, options: ProduceOptions = {}): Promise<PartitionAnswer> {
  const { responses } = await client.ask(produce, options.version ?? 12, requestOf(records, options))
  return responses[0]!.partitionResponses[0]!
}

/** As send(), for what the answer says: 'NONE', 'INVALID_RECORD'. */
export async function outcome(client: WireClient, records: Buffer | null, options: ProduceOptions = {}): Promise<KafkaErrorName | undefined> {
  return nameOf((await send(client, records, options)).errorCode)
}

export function nameOf(errorCode: number): KafkaErrorName | undefined {
  return (Object.keys(KAFKA_ERRORS) as KafkaErrorName[]).find(name => KAFKA_ERRORS[name] === errorCode)
}

/** Every record of the partition as key=value, with all that it holds looked at. */
export async function contentsOf(topic: Topic<Uint8Array, Uint8Array>, partition = 0): Promise<string[]> {
  const contents: string[] = []
  for await (const { key, value, headers, offset } of topic.read({ partitions: [partition] })) {
    void [...headers]
    contents.push(`${offset}: ${text(key)}=${text(value)}`)
  }
  return contents
}

function text(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : Buffer.from(bytes).toString('utf8')
}
