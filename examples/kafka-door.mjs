// A desktop application keeps its events in a log. While it runs, kcat or any other Kafka client looks into it:
//   node kafka-door.mjs, and what it prints in another shell
import { once } from 'node:events'
import { open } from 'millrace'
import { listen } from 'millrace/kafka'

const log = await open('./data')
const events = await log.topic('events', { value: 'json' })
await events.send({ key: 'window', value: { opened: 'main' } })
await events.send({ key: 'file', value: { saved: 'letter.txt' } })

const door = await listen(log) // on 127.0.0.1: nobody from another machine
console.log(`kcat -b ${door.bootstrap} -t events -C -e -q -f '%o %k %s\\n'`)

await once(process, 'SIGTERM')
await log.close() // and with it the door
console.log('closed')
