// Many runs of Kafka's command line tools in one JVM (RunTools.java), one after another or side by side.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { fetchJars, javaArguments, javaCommand } from './jars.mjs'
import { classOfTool } from './run.mjs'

/**
 * @typedef {object} RunningTool
 * @property {Promise<import('./run.mjs').ToolResult>} ended
 * @property {() => Promise<import('./run.mjs').ToolResult>} stop  as Ctrl-C does
 */

/**
 * @typedef {object} ToolRunner
 * @property {(name: string, args: readonly string[], input?: string) => Promise<import('./run.mjs').ToolResult>} run
 * @property {(name: string, args: readonly string[]) => RunningTool} start
 * @property {() => Promise<void>} close  ends the JVM, and whatever still runs in it
 */

/** @returns {ToolRunner} */
export function startToolRunner() {
  fetchJars()
  const program = join(dirname(fileURLToPath(import.meta.url)), 'RunTools.java')
  const child = spawn(javaCommand(), [...javaArguments('WARN'), program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const killWithUs = () => { child.kill('SIGKILL') }
  process.once('exit', killWithUs)
  /** @type {Map<number, (result: import('./run.mjs').ToolResult | Promise<never>) => void>} */
  const waiting = new Map()
  let lastId = 0
  let gone = false

  createInterface({ input: child.stdout }).on('line', line => {
    const { id, ...result } = JSON.parse(line)
    waiting.get(id)?.(result)
    waiting.delete(id)
  })
  child.stdin.on('error', () => undefined) // it is gone: 'close' tells
  child.once('error', fail)
  child.once('close', () => fail(new Error("the JVM of Kafka's tools has ended")))

  /** @param {Error} reason */
  function fail(reason) {
    gone = true
    process.removeListener('exit', killWithUs)
    for (const settle of waiting.values()) settle(Promise.reject(reason))
    waiting.clear()
  }

  /** @type {(name: string, args: readonly string[], input?: string) => RunningTool} */
  function start(name, args, input = '') {
    if (gone) throw new Error("the JVM of Kafka's tools has ended")
    const id = ++lastId
    /** @type {Promise<import('./run.mjs').ToolResult>} */
    const ended = new Promise(settle => waiting.set(id, settle))
    ended.catch(() => undefined) // whoever waits for it is told
    child.stdin.write(`${JSON.stringify({ id, tool: classOfTool(name), args, input })}\n`)
    return {
      ended,
      stop() {
        child.stdin.write(`${JSON.stringify({ stop: id })}\n`)
        return ended
      },
    }
  }

  return {
    start,
    run: (name, args, input) => start(name, args, input).ended,
    async close() {
      if (gone) return
      const closed = once(child, 'close')
      child.stdin.end()
      await closed
    },
  }
}
