// What `npx millrace` runs: the commands of src/cli/, which are handed what they work with.
import { main } from './cli/main.ts'
import { listen } from './kafka.ts'
import { readListenOptions } from './kafka/listen-options.ts'
import { open } from './surface/event-log.ts'

export async function run(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), {
    async serve(directory, options, onTrouble) {
      readListenOptions(options) // a mistake there makes no log
      const log = await open(directory)
      log.on('warning', ({ code, message, hint }) => { onTrouble(`warning ${code}: ${message}${hint === undefined ? '' : `; ${hint}`}`) })
      log.on('error', ({ error }) => { onTrouble(`error ${error.code}: ${error.message}; ${error.hint}`) })
      try {
        const { bootstrap } = await listen(log, options)
        return { bootstrap, close: () => log.close() }
      } catch (error) {
        await log.close()
        throw error
      }
    },
  })
}
