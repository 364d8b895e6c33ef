// Steps that leave something open on a topic, take a little from it, or close it.
import fc from 'fast-check'
import { anyTopic, number, pick, step, topicOf, type Step } from './step.ts'
import { Follower, HalfRead, WatchedView } from './watchers.ts'

const MOST_OF_A_KIND = 3

const follow = step('follow', fc.record({ topic: number, from: fc.constantFrom('earliest', 'latest') }), {
  when: anyTopic,
  async run(bench, { topic: drawn, from }) {
    const topic = topicOf(bench.model, drawn)
    if (bench.followers.size < MOST_OF_A_KIND) bench.followers.add(new Follower(topic, bench.topic(topic), from))
  },
})

const view = step('view', number, {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn)
    if (bench.views.size < MOST_OF_A_KIND) bench.views.add(new WatchedView(topic, await bench.during(bench.topic(topic).view())))
  },
})

const readHalf = step('read half way', fc.record({ topic: number, count: fc.nat({ max: 20 }) }), {
  when: anyTopic,
  async run(bench, { topic: drawn, count }) {
    const topic = topicOf(bench.model, drawn)
    if (bench.halfReads.size >= MOST_OF_A_KIND) return
    const reading = new HalfRead(topic, bench.topic(topic))
    if (await bench.during(reading.take(count + 1))) bench.halfReads.add(reading)
  },
})

const readOn = step('read on', fc.record({ which: number, count: fc.nat({ max: 30 }) }), {
  async run(bench, { which, count }) {
    if (bench.halfReads.size === 0) return
    const reading = pick([...bench.halfReads], which)
    if (!await bench.during(reading.take(count))) bench.halfReads.delete(reading)
  },
})

const stopWatching = step('stop watching', number, {
  async run(bench, drawn) {
    for (const watchers of [bench.followers, bench.views] as readonly Set<Follower | WatchedView>[]) {
      if (watchers.size === 0) continue
      const watcher = pick([...watchers], drawn)
      watchers.delete(watcher)
      await bench.during(watcher.stop())
    }
  },
})

export const watchingSteps: readonly fc.Arbitrary<Step>[] = [follow, follow, view, readHalf, readOn, readOn, stopWatching]
