// @platformatic/kafka's own tests: those of its clients, by Node's test runner, against one broker without encryption.
// They were written for three brokers, so some fail at any one. The package needs Node 22.22 or 24.6 at least.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { clients } from '../clients/clients.mjs'
import { install } from '../clients/installations.mjs'
import { note } from './outcomes.mjs'

const reporter = fileURLToPath(new URL('node-reporter.mjs', import.meta.url))
const folders = ['test/clients/base', 'test/clients/producer', 'test/clients/consumer', 'test/clients/admin', 'test/issues']
/** What makes a test file one that talks to a broker: it takes its clients from the helpers. */
const talks = /from '\.\.\/(\.\.\/)?helpers/
/** Passwords, tickets and schema registries are what these need. */
const otherwise = /sasl|kerberos|registry/
/** A file that takes longer hangs; what it has not told by then has failed. */
const fileTimeoutMs = 400_000

/** @type {import('./campaign.mjs').Suite} */
export const platformatic = {
  name: 'platformatic',
  source: {
    name: 'platformatic-kafka',
    repository: 'https://github.com/platformatic/kafka.git',
    variable: 'PLATFORMATIC_KAFKA_REPOSITORY',
    commit: 'f84b496dd6247411366791b74cd871bf6a3b944e', // 2.9.0 and what was merged since
    changes: [
      {
        file: 'test/helpers.ts',
        replace: [
          ["['localhost:9001']", '[process.env.PLATFORMATIC_TEST_BOOTSTRAP!]'],
          ["['localhost:9011']", '[process.env.PLATFORMATIC_TEST_BOOTSTRAP!]'],
        ],
      },
      { file: 'test/clients/admin/admin.test.ts', replace: [['brokerIds: [1]', 'brokerIds: [0]']] }, // the number of the one there is
    ],
  },
  partitions: 1,
  // The intervals and the last are those of the suite's own brokers.
  brokerProperties: {
    'node.id': '0',
    'group.consumer.heartbeat.interval.ms': '200',
    'group.consumer.min.heartbeat.interval.ms': '100',
    'transaction.partition.verification.enable': 'false',
  },

  files(folder) {
    return folders
      .flatMap(path => readdirSync(join(folder, path)).map(file => `${path}/${file}`))
      .filter(file => file.endsWith('.test.ts') && !otherwise.test(file) && talks.test(readFileSync(join(folder, file), 'utf8')))
      .sort()
  },

  async run({ folder, files, bootstrap, output }) {
    const node = await newerNode()
    const log = openSync(`${output}.log`, 'w')
    /** @type {import('./outcomes.mjs').Outcomes} */
    const outcomes = new Map()
    for (const file of files) await runFile(file)
    closeSync(log)
    return outcomes

    /** @param {string} file */
    async function runFile(file) {
      const child = spawn(node, ['--test', '--test-force-exit', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file], {
        cwd: folder,
        stdio: ['ignore', 'pipe', log],
        timeout: fileTimeoutMs,
        env: { ...process.env, NODE_OPTIONS: '', PLATFORMATIC_TEST_BOOTSTRAP: bootstrap, KAFKA_VERSION: '8.1.0' }, // of Confluent's image
      })
      let told = ''
      const stdout = /** @type {import('node:stream').Readable} */ (child.stdout)
      stdout.setEncoding('utf8').on('data', text => { told += text })
      await once(child, 'close')
      for (const line of told.split('\n').filter(text => text.startsWith('{'))) {
        const { name, outcome } = JSON.parse(line)
        note(outcomes, file, name, outcome)
      }
      if (child.signalCode !== null) note(outcomes, file, `ends within ${fileTimeoutMs / 1000} s`, 'failed')
    }
  },
}

/** The one that the client's own program runs on. */
async function newerNode() {
  const client = clients.find(({ name }) => name.startsWith('@platformatic/kafka'))
  const installed = await install('node')
  if (client === undefined || 'missing' in installed) throw new Error(`no newer Node: ${'missing' in installed ? installed.missing : 'the client is not listed'}`)
  return client.start(installed.folder).command
}
