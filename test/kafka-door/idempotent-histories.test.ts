// Idempotent producers with up to five requests on the way, as clients have them, whose connections are cut, and whose log is
// killed or loses its power: what they send again is there once, in order, where the first acknowledgement said.
import { expect, onTestFinished, test } from 'vitest'
import { produce } from '../../src/kafka/apis/00-produce.ts'
import { initProducerId } from '../../src/kafka/apis/22-init-producer-id.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { listen, type Door } from '../../src/kafka.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { batchOf, compressed, numbered } from './support/batches.ts'
import { topicOfBytes } from './support/fetching.ts'
import { contentsOf, nameOf, requestOf } from './support/produce.ts'
import { WireClient } from './support/wire-client.ts'

const RECORDS = 40
const ON_THE_WAY = 5

interface Machine { log: TestLog; door: Door }
interface Sent { readonly first: number; readonly batch: Buffer }

class Producer {
  readonly #machine: Machine
  readonly #id: number
  readonly #below: (count: number) => number
  #next = 0
  #unacknowledged: Sent[] = []
  /** By record: the offset that it was said to have. */
  readonly offsets = new Map<number, number>()
  /** What no client would try again. */
  refusal: string | undefined

  constructor(machine: Machine, id: number, below: (count: number) => number) {
    this.#machine = machine
    this.#id = id
    this.#below = below
  }

  get isDone(): boolean { return this.refusal !== undefined || this.#next === RECORDS && this.#unacknowledged.length === 0 }

  async run(): Promise<void> {
    while (!this.isDone) {
      const client = await WireClient.connect(this.#machine.door).catch(() => undefined)
      await this.#sendAll(client).catch(() => { /* what was not acknowledged is sent again */ })
      await client?.close()
      await nextTurn()
    }
  }

  async #sendAll(client: WireClient | undefined): Promise<void> {
    if (client === undefined) return
    while (!this.isDone) {
      while (this.#unacknowledged.length < ON_THE_WAY && this.#next < RECORDS) await this.#prepare()
      if (client.socket.destroyed) return
      await Promise.all(this.#unacknowledged.map(sent => this.#send(client, sent)))
    }
  }

  async #prepare(): Promise<void> {
    const first = this.#next
    this.#next = Math.min(RECORDS, first + 1 + this.#below(3))
    const plain = batchOf(...Array.from({ length: this.#next - first }, (_, n) => ({ key: `${this.#id}`, value: `${first + n}` })))
    const batch = this.#below(3) === 0 ? await compressed(plain, 'gzip') : plain
    this.#unacknowledged.push({ first, batch: numbered(batch, { id: this.#id, sequence: first }) })
  }

  async #send(client: WireClient, sent: Sent): Promise<void> {
    const { responses } = await client.ask(produce, 12, requestOf(Buffer.from(sent.batch), { acks: -1 }))
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    if (errorCode !== KAFKA_ERRORS.NONE) {
      if (errorCode !== KAFKA_ERRORS.KAFKA_STORAGE_ERROR) this.refusal = nameOf(errorCode) ?? `${errorCode}`
      throw new Error('to be sent again, if its disk has failed')
    }
    this.offsets.set(sent.first, baseOffset)
    this.#unacknowledged = this.#unacknowledged.filter(each => each !== sent)
  }
}

async function newProducerId({ door }: Machine): Promise<number> {
  const client = await WireClient.connect(door)
  const { producerId } = await client.ask(initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 })
  await client.close()
  return producerId
}

async function disturb(machine: Machine, kind: number): Promise<void> {
  if (kind < 3) {
    machine.door.disconnect()
    return
  }
  const { door } = machine
  machine.log = kind === 3 ? await machine.log.crash() : await machine.log.powerCut()
  await door.close()
  machine.door = await listen(machine.log)
}

const { SEED } = process.env
const seeds = SEED === undefined ? [1, 2, 3, 4, 5, 6, 7, 8] : [Number(SEED)]

for (const seed of seeds) {
  test(`what idempotent producers send again is there once, and in order (seed ${seed})`, async () => {
    const random = new SeededRandom(seed)
    const below = (count: number): number => Math.floor(random.fraction() * count)
    const log = await testLog({ seed })
    await topicOfBytes(log)
    const machine: Machine = { log, door: await listen(log) }
    onTestFinished(() => machine.log.close())
    const ids = [await newProducerId(machine), await newProducerId(machine)]
    const producers = ids.map(id => new Producer(machine, id, below))
    const running = Promise.all(producers.map(producer => producer.run()))
    while (producers.some(({ isDone }) => !isDone)) {
      for (let turns = below(60); turns >= 0; turns--) await nextTurn()
      await disturb(machine, below(5))
    }
    await running
    expect(producers.map(({ refusal }) => refusal)).toEqual([undefined, undefined])
    const contents = await contentsOf(await topicOfBytes(machine.log))
    for (const [n, id] of ids.entries()) {
      const found = contents.filter(record => record.includes(`: ${id}=`))
      expect(found.map(record => Number(record.split('=')[1]))).toEqual(Array.from({ length: RECORDS }, (_, value) => value))
      for (const [first, offset] of producers[n]!.offsets) expect(contents).toContain(`${offset}: ${id}=${first}`)
    }
  })
}
