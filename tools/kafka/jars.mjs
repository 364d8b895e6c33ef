// The jars of a complete Apache Kafka, and the Java that runs them.
// Maven resolves the jars once, into jars-<version>/ beside this file or into the folder that MILLRACE_KAFKA_JARS
// names, which may be filled already. A folder appears under its name only when it is complete, so that processes
// that fetch at the same time, or are killed while they do, leave nothing half. What an older one lacks is moved into it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const kafkaVersion = '4.3.1'

const here = dirname(fileURLToPath(import.meta.url))

/** What no run can do without; if these are there, Maven was here. */
const essential = ['kafka_2.13', 'kafka-tools', 'kafka-clients', 'kafka-streams'].map(name => `${name}-${kafkaVersion}.jar`)
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

/**
 * Another process may have been first: then its jars are as good. What is essential comes last.
 * @param {string} partial
 * @param {string} target
 */
function moveInto(partial, target) {
  if (!existsSync(target)) {
    try {
      return renameSync(partial, target)
    } catch (error) {
      if (!existsSync(target)) throw error
    }
  }
  const present = readdirSync(target)
  const missing = readdirSync(partial).filter(name => !present.includes(name))
  for (const name of [...missing.filter(name => !essential.includes(name)), ...missing.filter(name => essential.includes(name))]) {
    renameSync(join(partial, name), join(target, name))
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

/** Short runs don't earn back the optimising compiler. */
const forShortRuns = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx512m']

/**
 * The arguments of `java` that come before the class to run. UTF-8 whatever the locale says: the tools print keys and values.
 * @param {'ERROR' | 'WARN' | 'INFO'} level  of what is logged to standard error
 * @param {readonly string[]} [machine]  memory, collector and compiler
 */
export function javaArguments(level, machine = forShortRuns) {
  return [
    ...machine, '-Xshare:auto',
    '-Dfile.encoding=UTF-8', '-Dsun.stdout.encoding=UTF-8', '-Dstdout.encoding=UTF-8',
    `-Dlog4j2.configurationFile=${join(here, 'log4j2.properties')}`, `-Dmillrace.level=${level}`,
    '-cp', join(jarsDirectory(), '*'),
  ]
}
