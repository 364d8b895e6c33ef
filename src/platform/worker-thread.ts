// A thread of its own for work that would hold the event loop: it knows tasks by name (src/worker.ts), takes and gives
// plain data. Where it can't be had (bundled without worker.cjs, run from source, forbidden by Node's permission model)
// start() returns undefined and the caller does the same work in slices.
import { existsSync } from 'node:fs'
import { Worker, parentPort } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { ClosedError, ConflictError, CorruptionError, LimitError, MillraceError, NotFoundError, StorageError, UsageError } from '../base/errors.ts'
import type { TaskThread } from './file-system.ts'

export type Tasks = Readonly<Record<string, (request: never) => Promise<unknown>>>

interface Call { readonly id: number; readonly task: string; readonly request: unknown }

type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failure: Failure }

/** An error on its way between threads: there its class is not the same. */
interface Failure { readonly name: string; readonly code: string; readonly message: string; readonly hint: string; readonly details: Readonly<Record<string, unknown>>; readonly retriable: boolean }

const TYPES = [ClosedError, ConflictError, CorruptionError, LimitError, NotFoundError, StorageError, UsageError]

export class WorkerThread implements TaskThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #calls = 0

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.unref()
    worker.on('message', (answer: Answer) => { this.#settle(answer) })
    worker.on('error', (error: unknown) => { this.#fail(threadFailed(error)) })
    worker.on('exit', () => { this.#fail(threadFailed(undefined)) })
  }

  static start(url = new URL('./worker.cjs', import.meta.url)): WorkerThread | undefined {
    try {
      const path = fileURLToPath(url)
      return existsSync(path) ? new WorkerThread(new Worker(path, { stdin: false })) : undefined
    } catch {
      return undefined
    }
  }

  run(task: string, request: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#calls++
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, task, request } satisfies Call)
    })
  }

  end(): void {
    void this.#worker.terminate()
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('failure' in answer) waiting?.reject(revived(answer.failure))
    else waiting?.resolve(answer.result)
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** The other end: does what it is asked, one task after the other. */
export function serve(tasks: Tasks): void {
  parentPort?.on('message', ({ id, task, request }: Call) => {
    const answer = (message: Answer): void => { parentPort?.postMessage(message) }
    const work = tasks[task] as ((request: unknown) => Promise<unknown>) | undefined
    if (work === undefined) return answer({ id, failure: failureOf(threadFailed(new Error(`there is no task '${task}'`))) })
    work(request).then(result => { answer({ id, result }) }, (error: unknown) => { answer({ id, failure: failureOf(error) }) })
  })
}

function failureOf(error: unknown): Failure {
  const { name, code, message, hint, details, retriable } = error instanceof MillraceError ? error : threadFailed(error)
  return { name, code, message, hint, details, retriable }
}

function revived({ name, code, message, hint, details, retriable }: Failure): MillraceError {
  const Type = TYPES.find(type => type.prototype.name === name) ?? StorageError
  return new Type(code, message, { hint, details, retriable })
}

function threadFailed(cause: unknown): StorageError {
  return new StorageError('THREAD_FAILED', `a worker thread ended before its work did: ${cause instanceof Error ? cause.message : 'it was stopped'}`, { hint: 'the work is tried again later', cause })
}
