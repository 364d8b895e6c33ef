// A door and a real broker side by side, and Kafka's tools that are run against both at the same time. What a tool prints
// has to be the same; what can't be, because it is made anew or measured, is replaced by its name first.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { open } from '../../../src/index.ts'
import { listen } from '../../../src/kafka.ts'
import { runTool, startBroker } from '../../../tools/kafka/kafka.mjs'
import type { ToolResult } from '../../../tools/kafka/run.mjs'
import { startToolRunner, type RunningTool, type ToolRunner } from '../../../tools/kafka/tool-runner.mjs'

export interface Side {
  /** What a tool prints to both of its streams. */
  print(tool: string, args: readonly string[], input?: string): Promise<string>
  /** In a JVM of its own: a tool that prints while that ends. */
  printAlone(tool: string, args: readonly string[]): Promise<string>
  /** For a tool that works until it is stopped. */
  start(tool: string, args: readonly string[]): RunningTool
}

export interface DoorBesideBroker {
  /** Runs the tool against both. Returns what it printed against the door, which is what it printed against the broker. */
  printsTheSame(tool: string, args: readonly string[], input?: string): Promise<string>
  /** The same for what is refused: words are each one's own, the errors of Kafka's that stand in them are the same. */
  refusesTheSame(tool: string, args: readonly string[]): Promise<string[]>
  readonly sides: readonly Side[]
  close(): Promise<void>
}

export async function startDoorBesideBroker(): Promise<DoorBesideBroker> {
  const directory = mkdtempSync(join(tmpdir(), 'door-beside-broker-'))
  // A tool counts in static fields, so each side has a JVM. A door's only broker has the id 0.
  const [log, broker] = await Promise.all([open(join(directory, 'log')), startBroker({ directory: join(directory, 'broker'), properties: { 'node.id': '0' } })])
  const door = await listen(log)
  const runners = [startToolRunner(), startToolRunner()] as const
  const sides = [sideOf(runners[0], door.bootstrap), sideOf(runners[1], broker.bootstrap)]
  return {
    sides,
    async printsTheSame(tool, args, input) {
      const [ours = '', kafkas] = await Promise.all(sides.map(async side => await side.print(tool, args, input)))
      expect(ours, `${tool} ${args.join(' ')}`).toBe(kafkas)
      return ours
    },
    async refusesTheSame(tool, args) {
      const [ours = '', kafkas = ''] = await Promise.all(sides.map(async side => await side.print(tool, args)))
      const errors = errorsIn(ours)
      expect(errors, `${tool} ${args.join(' ')}: ${ours}`).toEqual(errorsIn(kafkas))
      return errors
    },
    async close() {
      await Promise.all([...runners.map(async runner => { await runner.close() }), broker.stop(), log.close()])
      rmSync(directory, { recursive: true })
    },
  }
}

function sideOf(tools: ToolRunner, bootstrap: string): Side {
  const withServer = (args: readonly string[]): string[] => ['--bootstrap-server', bootstrap, ...args]
  return {
    print: async (tool, args, input) => comparable(await tools.run(tool, withServer(args), input), bootstrap),
    printAlone: async (tool, args) => comparable(await runTool(tool, withServer(args)), bootstrap),
    start: (tool, args) => tools.start(tool, withServer(args)),
  }
}

/** Which errors are told, and the status. */
function errorsIn(printed: string): string[] {
  return [...new Set(printed.match(/\b\w+Exception\b|status .$/g))]
}

/** What differs from run to run, by its name; of tables, the width of columns. */
function comparable({ stdout, stderr, status }: ToolResult, bootstrap: string): string {
  return `${stdout}${stderr}status ${status}`
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(bootstrap, 'HOST:PORT')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID')
    .replaceAll(/\b1[0-9]{12}\b/g, 'TIME')
    .replaceAll(/(?<![\w.-])(?=[\w-]*[A-Z])[\w-]{22}(?![\w(-])/g, 'ID')
    .replaceAll(/^\[.*\] WARN .*\n/gm, '')
    .replaceAll(/^\[[-0-9 :,]+\] /gm, '')
    .replaceAll(/(adminclient)-\d+/g, '$1')
    .replaceAll(/("logDir"):"[^"]+"/g, '$1')
    .replaceAll(/( \d+) \d+ (\S+:[\d,]+) \d+ (\S+:[\d,]+) ?$/gm, '$1 EPOCH $2 EPOCH $3')
    .replaceAll('min.insync.replicas=1,', '') // Kafka's default is stored as a setting of the cluster
    .replaceAll('Configs: min.insync.replicas=1', 'Configs: ')
    .replaceAll(/^.*KIP-848.*\n/gm, '')
}
