// The example that tests a service of kafkajs runs as a user runs it: in a project of its own, with kafkajs beside millrace.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { install } from '../../tools/clients/installations.mjs'
import buildDist from '../support/build-dist.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const installed = await install('node')
if ('missing' in installed) console.log(`the example with kafkajs is skipped: ${installed.missing}`)

test.skipIf('missing' in installed)('the tests of a kafkajs service pass, each with a Kafka of its own', () => {
  if ('missing' in installed) return
  buildDist()
  const project = mkdtempSync(join(tmpdir(), 'millrace-example-'))
  onTestFinished(() => { rmSync(project, { recursive: true }) })
  cpSync(join(root, 'examples/testing-a-kafkajs-service'), project, { recursive: true })
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(root, join(project, 'node_modules/millrace'))
  symlinkSync(join(installed.folder, 'node_modules/kafkajs'), join(project, 'node_modules/kafkajs'))
  const output = execFileSync(process.execPath, ['--test'], { cwd: project, env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' }, encoding: 'utf8', timeout: 60_000 })
  expect(output).toMatch(/^\S+ pass 4$[^]*^\S+ fail 0$/m)
})
