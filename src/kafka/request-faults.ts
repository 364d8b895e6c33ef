// What a test has asked to go wrong: requests that are answered with an error, or later.
import { describe } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { duration, integer, optionTable, readOptions } from '../base/options.ts'
import type { Duration } from '../base/units.ts'
import { nearestName } from '../base/nearest-name.ts'
import { systemClock } from '../platform/clock.ts'
import { API_NAMES, type ApiName } from './api-names.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from './kafka-errors.ts'
import type { Api } from './protocol/api.ts'
import type { CallingConnection } from './calling-connection.ts'

export interface FailOptions {
  /** Kafka's name: 'Produce', 'Fetch', 'JoinGroup'. */
  api: ApiName
  /** Kafka's name: 'NOT_LEADER_OR_FOLLOWER', 'REQUEST_TIMED_OUT'. */
  error: KafkaErrorName
  /** Default 1: so many of the requests that come next. */
  times?: number
}

export interface DelayOptions {
  /** Left out: all of them. */
  api?: ApiName
  by: Duration
  /** Default 1. */
  times?: number
}

interface Fault { readonly api: string | undefined; readonly errorCode: number | undefined; readonly delayMs: number; left: number }

/** Timers hold no longer ones. */
const LONGEST_MS = 2 ** 31 - 1
const ERROR_NAMES = (Object.keys(KAFKA_ERRORS) as KafkaErrorName[]).filter(name => name !== 'NONE')
const TIMES = { default: 1, read: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) } as const

const FAIL_OPTIONS = optionTable({ api: { default: undefined, read: named(API_NAMES, 'an API of Kafka') }, error: { default: undefined, read: named(ERROR_NAMES, 'an error of Kafka') }, times: TIMES })
const DELAY_OPTIONS = optionTable({ api: { default: undefined, read: named(API_NAMES, 'an API of Kafka') }, by: { default: undefined, read: duration({ min: 1, max: LONGEST_MS }) }, times: TIMES })

export class RequestFaults {
  #faults: Fault[] = []

  fail(options: FailOptions): void {
    const { api, error, times } = readOptions(options, FAIL_OPTIONS, 'fail')
    if (api === undefined || error === undefined) throw missing('fail', 'api and error', "{ api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER' }")
    this.#faults.push({ api, errorCode: KAFKA_ERRORS[error], delayMs: 0, left: times })
  }

  delay(options: DelayOptions): void {
    const { api, by, times } = readOptions(options, DELAY_OPTIONS, 'delay')
    if (by === undefined) throw missing('delay', 'by', "{ api: 'Fetch', by: '200ms' }")
    this.#faults.push({ api, errorCode: undefined, delayMs: by, left: times })
  }

  /** What becomes of this request: undefined, nothing out of the ordinary; else the error to answer with, once it resolves, if there is one. */
  take(api: Api, connection: CallingConnection): Promise<number | undefined> | undefined {
    if (this.#faults.length === 0) return undefined
    const mine = this.#faults.filter(fault => fault.api === undefined || fault.api === api.name)
    const failing = mine.find(({ errorCode }) => errorCode !== undefined)
    const delaying = mine.find(({ errorCode }) => errorCode === undefined)
    for (const fault of [failing, delaying]) if (fault !== undefined) fault.left--
    this.#faults = this.#faults.filter(({ left }) => left > 0)
    if (failing === undefined && delaying === undefined) return undefined
    return wait(delaying?.delayMs ?? 0, connection).then(() => failing?.errorCode)
  }
}

function wait(ms: number, connection: CallingConnection): Promise<void> {
  if (ms === 0) return Promise.resolve()
  return new Promise(resolve => {
    const timer = systemClock.setTimeout(() => {
      forget()
      resolve()
    }, ms)
    const forget = connection.onClosed(() => {
      timer.cancel()
      resolve()
    })
  })
}

function named<Name extends string>(names: readonly Name[], kind: string): (value: unknown, name: string) => Name {
  return (value, name) => {
    const known = names.find(each => each === value)
    if (known !== undefined) return known
    const nearest = typeof value === 'string' ? nearestName(value, names) : undefined
    throw new UsageError('OPTION_INVALID', `${name}: found ${describe(value)}, expected ${kind}`, { hint: nearest === undefined ? 'docs/kafka.md tells which there are' : `did you mean '${nearest}'?`, details: { found: value } })
  }
}

function missing(what: string, options: string, example: string): UsageError {
  return new UsageError('OPTION_INVALID', `${what}: ${options} can't be left out`, { hint: `as in ${what}(${example})` })
}
