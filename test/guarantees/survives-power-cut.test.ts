// What was acknowledged with 'power' survives a power cut. test/crash/ cuts after every call to the file system; here
// the power fails after short, mixed work, with what the device keeps of unsynced bytes drawn from a seed.
import type { Topic } from 'millrace'
import { testLog } from 'millrace/testing'
import { describe, expect, test } from 'vitest'

const SEEDS = Array.from({ length: 25 }, (_, i) => Number(process.env['SEED'] ?? 1000) + i)

async function valuesOf(topic: Topic): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const record of topic.read()) values.push(record.value)
  return values
}

describe.each(SEEDS)('seed %i', seed => {
  test("records acknowledged with 'power' are there, in order and once; those of 'process' may be gone, from the end", async () => {
    const log = await testLog({ seed })
    const topic = await log.topic('orders', { segmentBytes: '1KiB' })
    const safe = topic.producer({ durability: 'power' })
    const sent: string[] = []
    for (let i = 0; i < 30; i++) {
      await (i % 5 === 4 ? safe : topic).send({ value: `value ${i} ${'x'.repeat(i * 5)}` })
      sent.push(`value ${i} ${'x'.repeat(i * 5)}`)
    }
    const safeCount = sent.length
    for (let i = 0; i < 10; i++) await topic.send({ value: `unsafe ${i}` })
    const next = await log.powerCut({ seed })
    const values = await valuesOf(await next.topic('orders'))
    expect(values.slice(0, safeCount)).toEqual(sent)
    expect(values.slice(safeCount)).toEqual(Array.from({ length: values.length - safeCount }, (_, i) => `unsafe ${i}`))
    await (await next.topic('orders')).send({ value: 'goes on' })
    expect((await valuesOf(await next.topic('orders'))).at(-1)).toBe('goes on')
    await next.close()
  })

  test("topics that were made, altered and deleted are so, whatever the log's durability", async () => {
    const log = await testLog({ seed })
    await (await log.topic('kept')).alter({ partitions: 3, retention: '1d' })
    await log.topic('gone')
    await log.deleteTopic('gone')
    const next = await log.powerCut({ seed })
    expect(next.topics().map(topic => [topic.name, topic.settings.partitions, topic.settings.retentionMs])).toEqual([['kept', 3, 86_400_000]])
    await next.close()
  })
})

test("the simulated power cut is one: of the seeds, some take unsynced records away", async () => {
  let lost = 0
  for (const seed of SEEDS) {
    const log = await testLog({ seed })
    await (await log.topic('orders')).send({ value: 'unsynced' })
    const next = await log.powerCut({ seed })
    if ((await valuesOf(await next.topic('orders'))).length === 0) lost++
    await next.close()
  }
  expect(lost).toBeGreaterThan(0)
})
