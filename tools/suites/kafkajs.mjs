// kafkajs's own tests: those of its spec files that talk to a broker, by jest, against one broker without encryption.
// They were written for three brokers of the ZooKeeper era; so some fail at any one broker of today.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { note } from './outcomes.mjs'

/** What makes a spec file one that talks to a broker: it takes one of these from the test helpers. */
const talks = /createCluster|createConnectionPool|createConnectionBuilder|createTopic\b|connectionOpts/
/** Encryption, passwords and access lists are all that is in these. */
const otherwise = /Acls|connect(ion)?\.spec|reauthenticate/
/** As a regular expression of jest's: a test's name, if it has none of these. */
const withoutSecrets = '^(?!.*(SASL|SSL connections)).*$'

const askForPartitions = `#!/usr/bin/env node
const { Kafka } = require('../index')
const { KAFKAJS_TEST_BOOTSTRAP, TOPIC, PARTITIONS } = process.env
const admin = new Kafka({ brokers: [KAFKAJS_TEST_BOOTSTRAP], logLevel: 0 }).admin()
const run = async () => {
  await admin.connect()
  await admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: Number(PARTITIONS) }] })
  await admin.disconnect()
}
run().catch(error => { console.error(error); process.exit(1) })
`

/** @type {import('./campaign.mjs').Suite} */
export const kafkajs = {
  name: 'kafkajs',
  source: {
    name: 'kafkajs',
    repository: 'https://github.com/tulios/kafkajs.git',
    variable: 'KAFKAJS_REPOSITORY',
    commit: '55b0b416308b9e597a5a6b97b0a6fd6b846255dc', // 2.2.4 and what was merged since
    changes: [
      {
        file: 'testHelpers/index.js',
        replace: [
          ["const getHost = () => 'localhost'", "const [testHost, testPort] = process.env.KAFKAJS_TEST_BOOTSTRAP.split(':')\nconst getHost = () => testHost"],
          ['[`${host}:9092`, `${host}:9095`, `${host}:9098`]', '[`${host}:${testPort}`]'],
          ['brokers: [`${getHost()}:9092`]', 'brokers: [`${getHost()}:${testPort}`]'],
          ['port: 9092,', 'port: Number(testPort),'],
          // While a topic is being made, KRaft says that it does not know it, where ZooKeeper's broker said that it has no leader.
          ['if (e.type !== errorType) {', "if (e.type !== errorType && e.type !== 'UNKNOWN_TOPIC_OR_PARTITION') {"],
        ],
      },
      { file: 'src/broker/__tests__/findGroupCoordinator.spec.js', replace: [["host: 'localhost'", 'host: expect.any(String)']] },
      { file: 'src/broker/__tests__/metadata.spec.js', replace: [["host: 'localhost'", 'host: expect.any(String)']] },
      { file: 'scripts/addPartitions.sh', whole: askForPartitions }, // it ran a tool in a container
    ],
  },
  partitions: 2,
  brokerProperties: { 'node.id': '0', 'num.partitions': '2' },

  files(folder) {
    return readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })
      .map(path => `src/${path.split(sep).join('/')}`)
      .filter(file => file.endsWith('.spec.js') && !otherwise.test(file) && talks.test(readFileSync(join(folder, file), 'utf8')))
      .sort()
  },

  async run({ folder, files, bootstrap, output }) {
    const results = `${output}.json`
    rmSync(results, { force: true })
    const log = openSync(`${output}.log`, 'w')
    const jest = spawn(process.execPath, [
      'node_modules/jest/bin/jest.js', '--ci', '--no-watchman', '--forceExit', '--maxWorkers=2', '--reporters=default',
      '--json', `--outputFile=${results}`, '-t', withoutSecrets, '--runTestsByPath', ...files,
    ], {
      cwd: folder,
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        NODE_ENV: 'test',
        KAFKAJS_TEST_BOOTSTRAP: bootstrap,
        KAFKAJS_DEBUG_PROTOCOL_BUFFERS: '1', // some snapshots are of this
        KAFKAJS_NO_PARTITIONER_WARNING: '1',
        KAFKA_VERSION: '2.4', // the newest that it asks for, of which it expects what today's broker does
      },
    })
    closeSync(log)
    await once(jest, 'exit')
    if (!existsSync(results)) throw new Error(`jest told nothing; ${output}.log has what it printed`)
    return outcomesOf(JSON.parse(readFileSync(results, 'utf8')), folder)
  },
}

/** @param {{ testResults: { name: string, message: string, assertionResults: { fullName: string, status: string }[] }[] }} told @param {string} folder */
function outcomesOf({ testResults }, folder) {
  /** @type {import('./outcomes.mjs').Outcomes} */
  const outcomes = new Map()
  for (const { name, assertionResults } of testResults) {
    const file = relative(folder, name).split(sep).join('/')
    if (assertionResults.length === 0) note(outcomes, file, 'the whole file', 'failed')
    for (const { fullName, status } of assertionResults) {
      note(outcomes, file, fullName, status === 'passed' || status === 'failed' ? status : 'skipped')
    }
  }
  return outcomes
}
