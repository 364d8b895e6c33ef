// examples/schema-versions.mjs
// A schema with versions. What is sent is checked, and stored with its version; what was stored under an older version
// comes up to today's shape when it is read. zod is one of many that work: see https://standardschema.dev
import { open } from 'millrace'
import { z } from 'zod'

const log = await open('memory:')

// Last year's program: a name in one piece.
const before = await log.topic('people', { schema: { version: 1, schema: z.object({ name: z.string() }), upcast: {} } })
await before.send({ key: 'ada', value: { name: 'Ada Lovelace' } })

// Today's: two names. upcast[1] turns version 1 into 2.
const people = await log.topic('people', {
  schema: {
    version: 2,
    schema: z.object({ first: z.string(), last: z.string().min(1) }),
    upcast: {
      1: old => {
        const [first, last] = old.name.split(' ')
        return { first, last }
      },
    },
  },
})
await people.send({ key: 'grace', value: { first: 'Grace', last: 'Hopper' } })

for await (const record of people.read()) console.log(record.headers.text('millrace-schema'), record.value)

await people.send({ key: 'nobody', value: { first: 'No', last: '' } }).catch(error => console.log(error.code, error.details.issues[0].path))
await log.close()
