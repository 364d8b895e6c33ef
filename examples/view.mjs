// examples/view.mjs
// A view as a read model: the newest value of each key of a topic, as a map that follows what is sent.
import { open } from 'millrace'

const log = await open('memory:')
const stock = await log.topic('stock')
await stock.send([
  { key: 'flour', value: { sacks: 40 } },
  { key: 'bran', value: { sacks: 7 } },
])

const view = await stock.view() // resolves once what is stored is in it
console.log(view.size, view.get('flour'))

view.on('change', ({ key, value }) => console.log('changed:', key, value))
await stock.send({ key: 'flour', value: { sacks: 38 } })
await stock.send({ key: 'bran', value: null }) // a tombstone takes the key out
await view.caughtUp() // all that was sent before this call is in the view

console.log([...view.entries()])
await view.close()
await log.close()
