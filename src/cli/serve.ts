// millrace serve: opens a log and lets Kafka's clients in, until a signal ends it. The log is closed then, as an application
// closes it; a second signal, later, ends the process at once.
import { systemClock } from '../platform/clock.ts'
import { invalid, type Command, type GivenOptions } from './command.ts'

const USAGE = 'millrace serve <directory> [options]'
/** Kafka's own. */
const DEFAULT_PORT = 9092
const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** Ctrl-C goes to npx too, which passes it on: the process gets it twice. */
const SAME_SIGNAL_MS = 500
const WHOLE = /^[0-9]{1,9}$/

/** As listen() takes them, which checks them. */
export interface ServeOptions {
  readonly port: number
  readonly host?: string
  readonly socket?: string
  readonly advertisedHost?: string
  readonly advertisedPort?: number
  readonly durability?: 'process' | 'power'
  readonly autoCreateTopics: boolean
  readonly defaultPartitions?: number
}

interface Served {
  readonly bootstrap: string
  /** Resolves when the log is closed. */
  readonly close: () => Promise<void>
}

export interface ServeParts {
  /** Opens the log and listens; tells what goes wrong in the background. */
  readonly serve: (directory: string, options: ServeOptions, onTrouble: (message: string) => void) => Promise<Served>
}

export function serveCommand({ serve }: ServeParts): Command {
  return {
    usage: USAGE,
    about: "lets Kafka's clients into the log in a directory, and makes it if there is none",
    options: {
      port: { value: 'number', about: `the port to listen on, ${DEFAULT_PORT} unless said; 0: one that is free` },
      host: { value: 'address', about: '127.0.0.1 unless said. There is no authentication: whoever reaches it may do everything' },
      socket: { value: 'path', about: 'a Unix socket, instead of host and port' },
      'advertised-host': { value: 'name', about: 'what clients are told to connect to, if not the host' },
      'advertised-port': { value: 'number', about: 'and the port' },
      durability: { value: 'kind', about: "what acks=all waits for: 'power', the device, unless said; 'process': the operating system" },
      partitions: { value: 'number', about: 'of topics that are made without a number; 1 unless said' },
      'no-auto-create': { about: 'no topic is made because a client names it' },
      help: { about: 'this text' },
    },
    async run(given, operands) {
      const [directory] = operands
      if (directory === undefined || operands.length > 1) throw invalid(`found ${operands.length} directories, expected one`, USAGE)
      const signals = new Signals()
      try {
        const served = await serve(directory, readOptions(given), message => { process.stderr.write(`${message}\n`) })
        process.stdout.write(`${directory} is served to Kafka's clients\n  bootstrap: ${where(given, served)}\n  to stop: Ctrl-C, or SIGTERM to process ${process.pid}\n`)
        await signals.first
        await served.close()
        process.stdout.write('closed\n')
      } finally {
        signals.forget()
      }
    },
  }
}

function where(given: GivenOptions, { bootstrap }: Served): string {
  return typeof given['socket'] === 'string' ? given['socket'] : bootstrap
}

function readOptions(given: GivenOptions): ServeOptions {
  return Object.fromEntries(Object.entries({
    port: numberOf(given, 'port') ?? (given['socket'] === undefined ? DEFAULT_PORT : 0),
    host: textOf(given, 'host'),
    socket: textOf(given, 'socket'),
    advertisedHost: textOf(given, 'advertised-host'),
    advertisedPort: numberOf(given, 'advertised-port'),
    durability: textOf(given, 'durability'),
    autoCreateTopics: given['no-auto-create'] !== true,
    defaultPartitions: numberOf(given, 'partitions'),
  }).filter(([, value]) => value !== undefined)) as unknown as ServeOptions
}

function textOf(given: GivenOptions, name: string): string | undefined {
  const value = given[name]
  return typeof value === 'string' ? value : undefined
}

function numberOf(given: GivenOptions, name: string): number | undefined {
  const text = textOf(given, name)
  if (text === undefined) return undefined
  if (!WHOLE.test(text)) throw invalid(`--${name}: found '${text}', expected a whole number`, USAGE)
  return Number(text)
}

/** Listened for from now on; one that comes again has its usual effect, unless it is the same one. */
class Signals {
  readonly first: Promise<void>
  readonly #listener: (name: NodeJS.Signals) => void

  constructor() {
    let receive = (): void => {}
    this.first = new Promise(resolve => { receive = resolve })
    let firstAt: number | undefined
    this.#listener = name => {
      firstAt ??= systemClock.now()
      receive()
      if (systemClock.now() - firstAt < SAME_SIGNAL_MS) return
      this.forget()
      process.kill(process.pid, name)
    }
    for (const signal of SIGNALS) process.on(signal, this.#listener)
  }

  forget(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener)
  }
}
