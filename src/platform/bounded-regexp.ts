// Regular expressions of strangers: there are short ones, (a+)+, that take JavaScript's engine years for a line of text, and
// nothing else would happen meanwhile. node:vm is able to end them, so that is where they run.
import { runInNewContext } from 'node:vm'

const FILTER = 'const expression = new RegExp(source); texts.filter(text => expression.test(text))'

/** Which of the texts it matches. undefined: it took longer than the limit. */
export function matching({ source }: RegExp, texts: readonly string[], limitMs: number): readonly string[] | undefined {
  try {
    return [...runInNewContext(FILTER, { source, texts }, { timeout: limitMs }) as string[]]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
    throw error
  }
}
