// Runs Kafka's command line tools, and Java programs of one source file, against the jars of jars.mjs.
// A tool's exit status alone says little: most of them report trouble in their output and end with 0.
import { execFile } from 'node:child_process'
import { fetchJars, javaArguments, javaCommand } from './jars.mjs'

/** @typedef {{ stdout: string, stderr: string, status: number | null }} ToolResult  `status` null: a signal ended it */

/** Names as Kafka's bin/ has them, without kafka- and .sh. Any other class can be run by its full name. */
const toolClasses = {
  'broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'configs': 'kafka.admin.ConfigCommand',
  'console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
  'delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'dump-log': 'org.apache.kafka.tools.DumpLogSegments',
  'e2e-latency': 'org.apache.kafka.tools.EndToEndLatency',
  'get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'groups': 'org.apache.kafka.tools.GroupsCommand',
  'producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'storage': 'kafka.tools.StorageTool',
  'topics': 'org.apache.kafka.tools.TopicCommand',
  'transactions': 'org.apache.kafka.tools.TransactionsCommand',
  'verifiable-consumer': 'org.apache.kafka.tools.VerifiableConsumer',
  'verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
}

export const toolNames = Object.keys(toolClasses)

/** Dumps of large logs are text of several times their size. */
const maxOutputBytes = 512 * 1024 * 1024

/**
 * @param {string} name  one of `toolNames`, or a class
 * @param {readonly string[]} args
 * @param {readonly string[]} [machine]  Java's memory, collector and compiler, if not those of short runs
 * @returns {Promise<ToolResult>}
 */
export function runTool(name, args, machine) {
  const className = classOfTool(name)
  fetchJars()
  return runJava([...javaArguments('WARN', machine), className, ...args])
}

/** @param {string} name  one of `toolNames`, or a class */
export function classOfTool(name) {
  const className = new Map(Object.entries(toolClasses)).get(name) ?? name
  if (!className.includes('.')) throw new Error(`'${name}' is no tool of Kafka's known here: ${toolNames.join(', ')}, or the name of a class`)
  return className
}

/**
 * Compiles and runs one .java file in memory: needs a JDK, where the tools only need a JRE.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {readonly string[]} [machine]
 * @returns {Promise<ToolResult>}
 */
export function runSource(file, args, machine) {
  fetchJars()
  return runJava([...javaArguments('WARN', machine), file, ...args])
}

/** @param {readonly string[]} args @returns {Promise<ToolResult>} */
function runJava(args) {
  return new Promise((resolve, reject) => {
    const child = execFile(javaCommand(), args, { encoding: 'utf8', maxBuffer: maxOutputBytes }, (error, stdout, stderr) => {
      if (error !== null && child.exitCode === null && child.signalCode === null) reject(error)
      else resolve({ stdout, stderr, status: child.exitCode })
    })
    child.stdin?.end()
  })
}
