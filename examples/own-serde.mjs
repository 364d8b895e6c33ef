// examples/own-serde.mjs
// A serde of one's own: how a value becomes bytes and comes back. Its name is stored with the topic, and whoever opens
// the topic with a serde of another name is refused.
import { open } from 'millrace'

/** @type {import('millrace').Serde<{ lat: number, lon: number }>} */
const position = {
  name: 'position-f64', // stands for this form of the bytes, for ever
  encode({ lat, lon }) {
    const bytes = Buffer.alloc(16)
    bytes.writeDoubleBE(lat, 0)
    bytes.writeDoubleBE(lon, 8)
    return bytes
  },
  decode(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    return { lat: view.getFloat64(0), lon: view.getFloat64(8) }
  },
}

const log = await open('memory:')
const track = await log.topic('track', { value: position })
await track.send({ key: 'boat', value: { lat: 51.5, lon: -0.125 } })
for await (const record of track.read()) console.log(record.key, record.value)

await log.topic('track', { value: 'json' }).catch(error => console.log(error.name, error.code))
await log.close()
