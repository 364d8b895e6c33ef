// The process that writes: carries out one order for each line of its input, and answers each with a line.
import { createInterface } from 'node:readline'
import { open, type EventLog, type NewRecord, type TopicOptions } from '../../../src/index.ts'

export type Order =
  | { readonly do: 'open'; readonly directory: string }
  | { readonly do: 'topic'; readonly topic: string; readonly options?: TopicOptions }
  | { readonly do: 'send'; readonly topic: string; readonly records: readonly NewRecord[] }
  /** Numbered from `first` on, a batch for each, without an end: until it is killed. Answers once it has begun. */
  | { readonly do: 'flood'; readonly topic: string; readonly first: number }
  /** As flood, each with one of so many keys, while the log is compacted again and again. Answers once it was. */
  | { readonly do: 'compacting'; readonly topic: string; readonly keys: number }
  | { readonly do: 'truncateBefore'; readonly topic: string; readonly partition: number; readonly offset: number }
  | { readonly do: 'alter'; readonly topic: string; readonly options: TopicOptions }
  | { readonly do: 'delete'; readonly topic: string }
  /** Makes and deletes a topic so many times. */
  | { readonly do: 'churn'; readonly topic: string; readonly times: number }
  | { readonly do: 'close' }

let log: EventLog

createInterface({ input: process.stdin }).on('line', line => {
  obey(JSON.parse(line) as Order).then(() => { console.log('done') }, (error: unknown) => { console.log(error instanceof Error ? error.stack?.replaceAll('\n', ' | ') : String(error)) })
})

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'open':
      log = await open(order.directory)
      return
    case 'topic':
      await log.topic<unknown, unknown>(order.topic, order.options)
      return
    case 'send':
      await (await log.topic(order.topic)).send(order.records as NewRecord<unknown, string>[])
      return
    case 'flood':
      await flood(order.topic, order.first)
      return
    case 'compacting':
      await compacting(order.topic, order.keys)
      return
    case 'truncateBefore':
      await (await log.topic(order.topic)).partitions[order.partition]!.truncateBefore(order.offset)
      return
    case 'alter':
      await (await log.topic(order.topic)).alter(order.options)
      return
    case 'delete':
      await log.deleteTopic(order.topic)
      return
    case 'churn':
      for (let i = 0; i < order.times; i++) {
        const topic = await log.topic(order.topic, { partitions: 3 })
        await topic.send({ value: i })
        await log.deleteTopic(order.topic)
      }
      return
    case 'close':
      await log.close()
      return
  }
}

async function flood(name: string, first: number): Promise<void> {
  const topic = await log.topic(name)
  const goOn = async (number: number): Promise<void> => {
    for (let i = number; ; i++) await topic.send({ value: i })
  }
  await topic.send({ value: first })
  void goOn(first + 1)
}

/** A round of compaction beside each so many sends: what there is to compact does not run away from it. */
const SENDS_A_ROUND = 1000

async function compacting(name: string, keys: number): Promise<void> {
  const topic = await log.topic<number, string>(name)
  let sent = 0
  const round = async (): Promise<number> => {
    const report = log.housekeep()
    for (let i = 0; i < SENDS_A_ROUND; i++, sent++) await topic.send({ key: `key ${sent * 7919 % keys}`, value: sent })
    return (await report).segmentsCompacted
  }
  const goOn = async (): Promise<void> => {
    for (;;) await round()
  }
  while (await round() === 0) { /* there was nothing to compact yet */ }
  void goOn()
}
