// A real Apache Kafka beside us, to check against: its jars, its tools, its dump of our files, its broker.
//   node tools/kafka/kafka.mjs fetch                               the jars, by Maven
//   node tools/kafka/kafka.mjs tool NAME ARGUMENT...               one of Kafka's command line tools
//   node tools/kafka/kafka.mjs check DIRECTORY [COMPACTED-TOPIC...]   what Kafka finds wrong in a data directory
//   node tools/kafka/kafka.mjs broker DIRECTORY [KEY=VALUE...]     a broker on 127.0.0.1, until Ctrl-C or SIGTERM
// Needs Java 17; Maven for the first fetch; a JDK where .java files are run.
import { fileURLToPath } from 'node:url'
import { startBroker } from './broker.mjs'
import { checkDirectory } from './check-directory.mjs'
import { fetchJars, kafkaVersion } from './jars.mjs'
import { runTool } from './run.mjs'

export { startBroker } from './broker.mjs'
export { checkDirectory } from './check-directory.mjs'
export { dumpLog, dumpLogFaults, dumpedFiles } from './dump-log.mjs'
export { fetchJars, kafkaVersion, whyUnavailable } from './jars.mjs'
export { runSource, runTool } from './run.mjs'

/** @type {Readonly<Record<string, (args: readonly string[]) => Promise<number>>>} */
const commands = {
  async fetch() {
    console.log(fetchJars())
    return 0
  },
  async tool([name = '', ...args]) {
    const { stdout, stderr, status } = await runTool(name, args)
    process.stdout.write(stdout)
    process.stderr.write(stderr)
    return status ?? 1
  },
  async check([directory = '.', ...compacted]) {
    const { faults, partitions } = await checkDirectory(directory, { compacted })
    for (const fault of faults) console.error(fault)
    console.log(`${partitions.size} partitions, ${faults.length} faults`)
    return faults.length === 0 ? 0 : 1
  },
  async broker([directory = '.', ...settings]) {
    const properties = Object.fromEntries(settings.map(setting => [setting.slice(0, setting.indexOf('=')), setting.slice(setting.indexOf('=') + 1)]))
    const broker = await startBroker({ directory, properties })
    console.log(`Kafka ${kafkaVersion} on ${broker.bootstrap}, ready in ${broker.startMs} ms, pid ${broker.pid}`)
    await new Promise(stop => { process.once('SIGINT', stop).once('SIGTERM', stop) })
    await broker.stop()
    return 0
  },
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name = '', ...args] = process.argv.slice(2)
  const command = new Map(Object.entries(commands)).get(name)
  if (command === undefined) console.error(`'${name}' is none of ${Object.keys(commands).join(', ')}`)
  process.exitCode = command === undefined ? 2 : await command(args)
}
