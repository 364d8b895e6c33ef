// `npm run demo`, as a newcomer sees it first; the build that it begins with is there already.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const demo = fileURLToPath(new URL('../../tools/demo.mjs', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'millrace-demo-test-'))

afterAll(() => rmSync(place, { recursive: true }))

function run(): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [demo], { cwd: place, encoding: 'utf8', timeout: 60_000 })
}

test('the demo kills a writer, misses nothing that was acknowledged, and replaces what an earlier demo left', () => {
  for (const earlier of [false, true]) {
    const { status, stdout, stderr } = run()
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.includes('./data held an earlier demo: removed')).toBe(earlier)
    expect(stdout).toMatch(/kill -9: [\d,]+ acknowledged/)
    expect(stdout).toMatch(/after the kill: of [\d,]+ acknowledged events 0 are missing, 0 are stored twice/)
    expect(stdout).toMatch(/at the end: of 1,000,000 acknowledged events 0 are missing, 0 are stored twice/)
    expect(stdout).toMatch(/replayed customer-0: 100 events/)
  }
}, 120_000)

test('the demo touches nothing where ./data holds anything else', () => {
  rmSync(join(place, 'data'), { recursive: true, force: true })
  mkdirSync(join(place, 'data'))
  writeFileSync(join(place, 'data/diary.txt'), 'dear diary')
  const { status, stderr } = run()
  expect(status).toBe(1)
  expect(stderr).toContain(`holds 'diary.txt'`)
  expect(readdirSync(join(place, 'data'))).toEqual(['diary.txt'])
})
