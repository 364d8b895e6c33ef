// The jars of a complete Apache Kafka, and the Java that runs them.
// Maven resolves the jars once, into jars-<version>/ beside this file or into the folder that MILLRACE_KAFKA_JARS
// names, which may be filled already. A folder appears under its name only when it is complete, so that processes
// that fetch at the same time, or are killed while they do, leave nothing half.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const kafkaVersion = '4.3.1'

const here = dirname(fileURLToPath(import.meta.url))

/** What no run can do without; if these are there, Maven was here. */
const essential = [`kafka_2.13-${kafkaVersion}.jar`, `kafka-tools-${kafkaVersion}.jar`, `kafka-clients-${kafkaVersion}.jar`]
const essentialParts = ['log4j-core-', 'log4j-slf4j-impl-']

export function jarsDirectory() {
  return process.env['MILLRACE_KAFKA_JARS'] ?? join(here, `jars-${kafkaVersion}`)
}

/**
 * What is missing for Kafka's tools to run here, in words; undefined: nothing is. Downloads the jars if it can.
 * @returns {string | undefined}
 */
export function whyUnavailable() {
  const major = javaMajor()
  if (major === undefined) return 'Java is not installed'
  if (major < 17) return `Kafka needs Java 17, this one is ${major}`
  if (hasJars(jarsDirectory())) return undefined
  if (spawnSync('mvn', ['--version']).status !== 0) return 'Maven is not installed, and the jars are not there'
  try {
    fetchJars()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Makes sure that the jars are there.
 * @returns {string} the folder they are in
 */
export function fetchJars() {
  const target = jarsDirectory()
  if (hasJars(target)) return target
  mkdirSync(dirname(target), { recursive: true })
  const partial = mkdtempSync(`${target}-partial-`)
  try {
    const goal = ['--quiet', '--batch-mode', '--file', join(here, 'pom.xml'), 'dependency:copy-dependencies']
    const settings = [`-Dkafka.version=${kafkaVersion}`, `-DoutputDirectory=${partial}`, '-DincludeScope=runtime']
    const { status, stdout, stderr, error } = spawnSync('mvn', [...goal, ...settings], { encoding: 'utf8' })
    if (error !== undefined) throw new Error(`Maven can't be run: ${error.message}`)
    if (status !== 0 || !hasJars(partial)) throw new Error(`Maven could not fetch Kafka ${kafkaVersion}: ${stdout}${stderr}`)
    moveInto(partial, target)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return target
}

/** Another process may have been first: then its jars are as good. @param {string} partial @param {string} target */
function moveInto(partial, target) {
  try {
    renameSync(partial, target)
  } catch (error) {
    if (!hasJars(target)) throw error
  }
}

/** @param {string} directory */
function hasJars(directory) {
  if (!existsSync(directory)) return false
  const names = readdirSync(directory)
  return essential.every(jar => names.includes(jar)) && essentialParts.every(part => names.some(name => name.startsWith(part)))
}

export function javaCommand() {
  const home = process.env['JAVA_HOME']
  return home === undefined ? 'java' : join(home, 'bin', 'java')
}

/** @returns {number | undefined} 17, say; undefined: there is no Java */
function javaMajor() {
  const { status, stderr } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' })
  if (status !== 0) return undefined
  const [, first = '', second = ''] = /version "(\d+)(?:\.(\d+))?/.exec(stderr) ?? []
  return Number(first === '1' ? second : first)
}

/**
 * The arguments of `java` that come before the class to run.
 * UTF-8 whatever the locale says: the tools print keys and values. Short runs don't earn back the optimising compiler.
 * @param {'WARN' | 'INFO'} level  of what is logged to standard error
 */
export function javaArguments(level) {
  return [
    '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-Xmx512m',
    '-Dfile.encoding=UTF-8', '-Dsun.stdout.encoding=UTF-8', '-Dstdout.encoding=UTF-8',
    `-Dlog4j2.configurationFile=${join(here, 'log4j2.properties')}`, `-Dmillrace.level=${level}`,
    '-cp', join(jarsDirectory(), '*'),
  ]
}
