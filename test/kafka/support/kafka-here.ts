// Kafka's own tools in tests. Where Java or the jars can't be had, such tests are skipped, by name and with the
// reason; CI=true says that they are to be had, so that it is a failure there.
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { checkDirectory, runSource, whyUnavailable } from '../../../tools/kafka/kafka.mjs'
import type { DumpedFile } from '../../../tools/kafka/dump-log.mjs'

const reason = whyUnavailable()
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(`Kafka's tools are needed: ${reason}`)

/** A describe whose tests run Kafka's tools. The first run on a machine downloads the jars before it. */
export function describeWithKafka(name: string, tests: () => void): void {
  if (reason === undefined) describe(name, { timeout: 60_000 }, tests)
  else describe.skip(`${name} (${reason})`, tests)
}

/**
 * Fails unless Kafka reads every partition folder of a data directory without finding a fault. The log has to be
 * closed. Returns what Kafka read: the .log files of each partition, in order, with batches and records.
 */
export async function expectKafkaReads(
  directory: string,
  options: { compacted?: readonly string[] } = {},
): Promise<ReadonlyMap<string, readonly DumpedFile[]>> {
  const { faults, partitions } = await checkDirectory(directory, options)
  expect(faults).toEqual([])
  return partitions
}

/** Standard output of a program of tools/kafka, a .java file. */
export async function runKafkaProgram(source: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr, status } = await runSource(fileURLToPath(new URL(`../../../tools/kafka/${source}`, import.meta.url)), args)
  if (status !== 0) throw new Error(`${source} ended with ${status}: ${stderr}`)
  return stdout
}
