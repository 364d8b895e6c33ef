// The command line: finds the command, tells what it throws. Nothing here ends the process: what is open keeps it alive, and
// the exit code is what main() resolves with.
import { MillraceError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'
import { helpOf, invalid, readCommandLine, type Command } from './command.ts'
import { serveCommand, type ServeParts } from './serve.ts'

const USAGE = 'millrace <command> [options]'

export async function main(args: readonly string[], parts: ServeParts): Promise<number> {
  const commands: Readonly<Record<string, Command>> = { serve: serveCommand(parts) }
  const [name = '--help', ...rest] = args
  try {
    if (name === '--help' || name === '-h') {
      process.stdout.write(overview(commands))
      return 0
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) throw unknownCommand(name, Object.keys(commands))
    const { given, operands } = readCommandLine(command, rest)
    if (given['help'] === true) process.stdout.write(helpOf(command))
    else await command.run(given, operands)
    return 0
  } catch (error) {
    process.stderr.write(error instanceof MillraceError ? `millrace: ${error.message}\n${error.hint}\n` : `millrace: ${String(error instanceof Error ? error.stack : error)}\n`)
    return 1
  }
}

function overview(commands: Readonly<Record<string, Command>>): string {
  const rows = Object.entries(commands).map(([name, { about }]) => `  ${name}  ${about}`)
  return [`usage: ${USAGE}`, '', ...rows, '', 'millrace <command> --help tells its options', ''].join('\n')
}

function unknownCommand(name: string, known: readonly string[]): unknown {
  const nearest = nearestName(name, known)
  return invalid(nearest === undefined ? `unknown command '${name}'` : `unknown command '${name}': did you mean '${nearest}'?`, USAGE)
}
