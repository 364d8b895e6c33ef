// What a command is: its options, told by --help and read by node:util, and what it does with them.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'

export interface CommandOption {
  /** What its value is called in --help; undefined: it has none. */
  readonly value?: string
  readonly about: string
}

export interface Command {
  readonly usage: string
  readonly about: string
  readonly options: Readonly<Record<string, CommandOption>>
  /** Resolves when it is done. */
  readonly run: (given: GivenOptions, operands: readonly string[]) => Promise<void>
}

export type GivenOptions = Readonly<Record<string, string | boolean | undefined>>

export function helpOf({ usage, about, options }: Command): string {
  const rows = Object.entries(options).map(([name, { value, about: what }]) => [`--${name}${value === undefined ? '' : ` <${value}>`}`, what] as const)
  const width = Math.max(...rows.map(([left]) => left.length))
  return [`usage: ${usage}`, '', about, '', ...rows.map(([left, what]) => `  ${left.padEnd(width)}  ${what}`), ''].join('\n')
}

/** Throws a UsageError 'COMMAND_LINE_INVALID'. */
export function readCommandLine({ usage, options }: Command, args: readonly string[]): { given: GivenOptions; operands: readonly string[] } {
  const config: ParseArgsConfig['options'] = Object.fromEntries(Object.entries(options).map(([name, { value }]) => [name, { type: value === undefined ? 'boolean' : 'string' }]))
  const { tokens } = parseArgs({ args: [...args], options: config, allowPositionals: true, strict: false, tokens: true })
  for (const token of tokens) if (token.kind === 'option' && !Object.hasOwn(options, token.name)) throw unknownOption(token.rawName, Object.keys(options), usage)
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: config, allowPositionals: true })
    return { given: values as GivenOptions, operands: positionals }
  } catch (cause) {
    throw invalid((cause as Error).message.split('\n', 1)[0]!, usage)
  }
}

export function invalid(message: string, usage: string): UsageError {
  return new UsageError('COMMAND_LINE_INVALID', message, { hint: `usage: ${usage}` })
}

function unknownOption(name: string, known: readonly string[], usage: string): UsageError {
  const nearest = nearestName(name.replace(/^-+/, ''), known)
  return nearest === undefined ? invalid(`unknown option ${name}`, usage) : new UsageError('COMMAND_LINE_INVALID', `unknown option ${name}`, { hint: `did you mean --${nearest}?` })
}
