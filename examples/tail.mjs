// examples/tail.mjs
// Tailing: what is stored, then what comes. A sent record wakes the reader, nothing is polled.
import { open } from 'millrace'

const log = await open('memory:')
const clicks = await log.topic('clicks')
await clicks.send({ value: 'before' })

async function tail() {
  // Without `from` a read begins at the earliest record; `from: 'latest'` shows only what comes.
  for await (const click of clicks.read({ follow: true })) {
    console.log(click.offset, click.value)
    if (click.value === 'last') break
  }
}

const tailing = tail()
await clicks.send({ value: 'while it waits' })
await clicks.send({ value: 'last' })
await tailing

// From outside, a read is ended by a signal: the loop throws its AbortError.
const stop = new AbortController()
const waiting = clicks.read({ from: 'latest', follow: true, signal: stop.signal }).next()
stop.abort()
await waiting.catch(error => console.log('ended by', error.name))
await log.close()
