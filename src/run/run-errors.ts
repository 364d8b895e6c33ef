// The errors a runner ends with or tells, and where they happened.
import { describe } from '../base/describe.ts'
import { MillraceError, TimeoutError } from '../base/errors.ts'
import type { Task } from './lane-queue.ts'

/** Thrown where something around the handler failed, not the handler: the runner ends with the cause. */
export class RunStopped extends Error {
  override readonly cause: unknown

  constructor(cause: unknown) {
    super('the runner stops')
    this.cause = cause
  }
}

/** No attempt is left, and there is no dead letter. */
export function handlerFailed(group: string, task: Task, isCommitted: boolean, cause: unknown): MillraceError {
  const { attempt: attempts } = task
  return new MillraceError('HANDLER_FAILED', `group '${group}': the handler failed for ${place(task)}, after ${attempts === 1 ? '1 attempt' : `${attempts} attempts`}: ${messageOf(cause)}`, {
    hint: isCommitted ? 'it was committed beforehand and is not handed out again; give a deadLetter to keep what fails'
      : 'it is not committed: the next run begins with it; mend the handler, or give retry or a deadLetter',
    details: { group, ...placeOf(task), attempts }, cause,
  })
}

export function handlerTimedOut(group: string, task: Task, ms: number): TimeoutError {
  return new TimeoutError('HANDLER_TIMED_OUT', `group '${group}': the handler was not done with ${place(task)} after ${ms} ms, in attempt ${task.attempt}`, {
    hint: 'its signal was aborted, and what comes next waits until it has ended; end when the signal aborts, or allow a longer handlerTimeout',
    details: { group, ...placeOf(task), attempt: task.attempt, timeoutMs: ms },
  })
}

export function stopTimedOut(group: string, inFlight: number): TimeoutError {
  return new TimeoutError('CLOSE_TIMED_OUT', `group '${group}': stop: ${inFlight === 1 ? '1 handler was' : `${inFlight} handlers were`} still running when the time was up; what they hold is not committed`, {
    hint: 'end when context.signal aborts, or allow a longer timeout; a handler that awaits stop() waits for itself: call it there without await',
    details: { group, inFlight },
  })
}

/** Whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message
  return typeof error === 'string' ? error : describe(error)
}

function place(task: Task): string {
  const { topic, partition, offset, lastOffset } = placeOf(task)
  return `${topic}-${partition}, ${lastOffset === undefined ? `offset ${offset}` : `offsets ${offset} to ${lastOffset}`}`
}

function placeOf(task: Task): { topic: string; partition: number; offset: number; lastOffset?: number } {
  const { records } = task
  const { topic, partition, offset } = records[0]!
  return records.length === 1 ? { topic, partition, offset } : { topic, partition, offset, lastOffset: records.at(-1)!.offset }
}
