// The writer as the rounds hold it: a child that answers commands. What ends it, or that it doesn't answer, is thrown
// as a WriterLost, which says how.
import { execFileSync, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** @typedef {import('./writer.mjs').Answer} Answer */

/** A command that takes longer is stuck. */
const STUCK_MS = 60_000

export class WriterLost extends Error {}

export class AskedWriter {
  #child
  #errors = ''
  /** @type {(ready: number) => void} */
  #whenReady = () => { /* nobody asked */ }
  /** @type {((answer: Answer) => void) | undefined} */
  #resolve
  /** @type {((lost: WriterLost) => void) | undefined} */
  #reject

  /** @param {Readonly<Record<string, string>>} environment */
  constructor(environment) {
    this.#child = fork(fileURLToPath(new URL('writer.mjs', import.meta.url)), { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], env: { ...process.env, ...environment } })
    this.#child.stderr?.on('data', chunk => { this.#errors += String(chunk) })
    this.#child.on('message', (/** @type {{ ready?: number, answer?: Answer }} */ { ready, answer }) => {
      if (ready !== undefined) this.#whenReady(ready)
      if (answer !== undefined) this.#resolve?.(answer)
    })
    this.#child.on('close', (code, signal) => { this.#reject?.(new WriterLost(`the writer ended with ${signal ?? `exit code ${code}`} ${this.#errors}`)) })
  }

  /** @param {'open' | 'begin' | 'send' | 'fill' | 'sendAndRead' | 'check' | 'heal' | 'reopen'} command @param {object} [options] @returns {Promise<Answer>} */
  async ask(command, options = {}) {
    const stuck = setTimeout(() => {
      this.#errors += `it had not answered '${command}' for ${STUCK_MS} ms`
      this.#child.kill('SIGKILL')
    }, STUCK_MS)
    try {
      return await new Promise((resolve, reject) => {
        this.#resolve = resolve
        this.#reject = reject
        this.#child.send([command, options], error => { if (error !== null) reject(new WriterLost(`the writer can't be asked to '${command}': ${error.message}`)) })
      })
    } finally {
      clearTimeout(stuck)
    }
  }

  /** Does something while the command goes on. @param {'sendAndRead'} command @param {object} options @param {(ready: number) => void} meanwhile */
  async askAnd(command, options, meanwhile) {
    this.#whenReady = ready => {
      meanwhile(ready)
      this.#child.send(['stop'])
    }
    return await this.ask(command, options)
  }

  /** @param {{ touched?: import('./writer.mjs').Touched, failed?: boolean }} options */
  async check(options) {
    return (await this.ask('check', options)).wrong ?? []
  }

  /** The soft limit, which a process that is not root could lift by itself. @param {number | 'unlimited'} bytes */
  limitFileSize(bytes) {
    execFileSync('prlimit', ['--pid', String(this.#child.pid), `--fsize=${bytes}:unlimited`])
  }

  end() {
    this.#reject = undefined
    this.#child.kill('SIGKILL')
  }
}
