// What a TypeScript user can write with millrace/testing; compiled against the build by types.test.ts, never run.
import { MillraceError, type EventLog } from 'millrace'
import { testLog, type TestLog } from 'millrace/testing'

const log: TestLog = await testLog({ seed: 7, durability: 'power', diskBytes: '1MiB' })
const same: EventLog = log
void same
await log.clock.advance('7d')
log.disk.failNext('write', { error: 'ENOSPC', after: 3 })
// @ts-expect-error an operation that does not exist
log.disk.failNext('wirte', { error: 'ENOSPC' })
const next: TestLog = await log.crash()
const later: TestLog = await next.powerCut({ seed: 3 })
await later.close().catch((error: unknown) => {
  if (error instanceof MillraceError) { const facts: [string, string, boolean] = [error.code, error.hint, error.retriable]; void facts }
})
