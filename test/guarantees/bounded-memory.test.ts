// Memory is bounded, however long the log or the array that is sent. Measured in children of their own, as the
// anonymous memory that the operating system counts; the bounds are generous, what they exclude is growth.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const onLinux = test.skipIf(process.platform !== 'linux') // /proc tells

const PREAMBLE = `
  import { readFileSync } from 'node:fs'
  import { open } from 'millrace'
  const privateMiB = () => Number(/RssAnon:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
  let peakMiB = 0
  const look = () => { peakMiB = Math.max(peakMiB, privateMiB()) }
  setInterval(look, 5).unref()
`

interface Measured { readonly before: number; readonly peak: number; readonly endOffset: number }

function measure(source: string): Measured {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-memory-'))
  onTestFinished(() => { rmSync(directory, { recursive: true, force: true }) })
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', `${PREAMBLE}\nconst directory = ${JSON.stringify(directory)}\n${source}`], { cwd: root, encoding: 'utf8' })
  const measured = JSON.parse(output) as Measured
  console.log(`before ${measured.before.toFixed(0)} MiB, at most ${measured.peak.toFixed(0)} MiB`)
  return measured
}

onLinux('one send of an array of a million records takes its receipts and a buffer, not a copy of the records', () => {
  const { before, peak, endOffset } = measure(`
    const log = await open(directory)
    const topic = await log.topic('orders', { value: 'string' })
    const value = 'x'.repeat(1000)
    const record = { value }
    const records = new Array(1_000_000).fill(record)
    const before = privateMiB()
    const sent = await topic.send(records)
    look()
    console.log(JSON.stringify({ before, peak: peakMiB, endOffset: sent.at(-1).offset + 1 }))
    await log.close()
  `)
  expect(endOffset).toBe(1_000_000) // a gigabyte, encoded
  expect(peak - before).toBeLessThan(400)
}, 120_000)

onLinux('reading a log of any length takes a few chunks', () => {
  const { before, peak, endOffset } = measure(`
    const log = await open(directory)
    const topic = await log.topic('orders', { value: 'bytes', segmentBytes: '16MiB' })
    const value = Buffer.alloc(100_000, 7)
    for (let i = 0; i < 30; i++) await topic.send(new Array(100).fill({ value }))
    const before = privateMiB()
    peakMiB = 0
    let endOffset = 0
    for await (const record of topic.read()) if (record.value.length === value.length) endOffset = record.offset + 1
    look()
    console.log(JSON.stringify({ before, peak: peakMiB, endOffset }))
    await log.close()
  `)
  expect(endOffset).toBe(3000) // 300 megabytes
  expect(peak - before).toBeLessThan(150)
}, 120_000)

onLinux('a producer that is faster than its log waits at maxBufferedBytes', () => {
  const { before, peak, endOffset } = measure(`
    const log = await open(directory)
    const topic = await log.topic('orders', { value: 'bytes', compression: 'gzip' })
    const producer = topic.producer({ maxBufferedBytes: '4MiB' })
    const value = Buffer.alloc(50_000, 7)
    const before = privateMiB()
    const sent = await producer.send(new Array(4000).fill({ value }))
    look()
    console.log(JSON.stringify({ before, peak: peakMiB, endOffset: sent.at(-1).offset + 1 }))
    await log.close()
  `)
  expect(endOffset).toBe(4000) // 200 megabytes, before compression
  expect(peak - before).toBeLessThan(150)
}, 120_000)
