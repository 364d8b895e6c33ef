// Members that come and go: 8 members, 64 partitions, each of which is sent a record every turn. How long join() and
// close() take, and the longest time without a record on a partition that stays with its member, beside the same in a
// quiet stretch of the same length: what the rebalance adds is the difference.
import { setTimeout as sleep } from 'node:timers/promises'
import { sized } from './support/flags.mjs'
import { bytesTopic } from './support/records.mjs'
import { median } from './support/report.mjs'
import { compare } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const PARTITIONS = 64
const MEMBERS = 8
const STRETCH_MS = 25
const CHANGES = sized(40)

await inLog(async log => {
  const topic = await bytesTopic(log, 'numbers', { partitions: PARTITIONS })
  const group = log.group('group')
  /** When each partition last had a record, and the longest it had none, as its member saw it. */
  const seen = Array.from({ length: PARTITIONS }, () => ({ by: /** @type {object | undefined} */ (undefined), at: 0, longest: 0 }))
  const members = /** @type {Member[]} */ ([])

  /** @typedef {import('millrace').Consumer<Uint8Array, Uint8Array>} Member */

  const join = async () => {
    const consumer = await group.join(topic, { from: 'latest' })
    members.push(consumer)
    void (async () => {
      for await (const { partition } of consumer) {
        const now = performance.now()
        const lane = seen[partition]
        if (lane === undefined) continue
        lane.longest = lane.by === consumer ? Math.max(lane.longest, now - lane.at) : 0
        lane.by = consumer
        lane.at = now
      }
    })()
  }
  const leave = async () => { await members.pop()?.close() }
  const owners = () => new Map(members.flatMap(member => member.assignment.map(({ partition }) => /** @type {const} */ ([partition, member]))))

  const sending = new AbortController()
  const producer = topic.producer()
  const value = Buffer.alloc(100)
  const traffic = (async () => {
    while (!sending.signal.aborted) {
      for (let partition = 0; partition < PARTITIONS; partition++) producer.sendSync({ value, partition })
      await new Promise(resolve => { setImmediate(resolve) })
    }
  })()

  for (let i = 0; i < MEMBERS; i++) await join()

  /** @param {() => Promise<unknown>} change */
  async function stretch(change) {
    const before = owners()
    for (const lane of seen) lane.longest = 0
    const start = performance.now()
    await change()
    const ms = performance.now() - start
    await sleep(STRETCH_MS)
    const after = owners()
    const kept = seen.filter((_, partition) => before.get(partition) === after.get(partition))
    return { ms, gap: Math.max(...kept.map(({ longest }) => longest)) }
  }

  /** @param {readonly (() => Promise<unknown>)[]} changes */
  async function all(changes) {
    const times = /** @type {{ ms: number, gap: number }[]} */ ([])
    for (let i = 0; i < CHANGES; i++) times.push(await stretch(changes[i % changes.length] ?? join))
    return { 'ms': median(times.map(({ ms }) => ms)), 'longest ms': Math.max(...times.map(({ ms }) => ms)), 'gap ms': median(times.map(({ gap }) => gap)), 'longest gap ms': Math.max(...times.map(({ gap }) => gap)) }
  }

  await compare({
    title: `rebalance: ${MEMBERS} members, ${PARTITIONS} partitions under traffic, ${CHANGES} changes`,
    figures: ['ms', 'longest ms', 'gap ms', 'longest gap ms'],
    notes: await storageNotes(),
    contenders: {
      'nothing changes': () => all([() => Promise.resolve()]),
      'a member leaves, a member joins': () => all([leave, join]),
    },
  })
  sending.abort()
  await traffic
})
