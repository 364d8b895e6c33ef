// The programs that a document shows: its blocks of JavaScript, each run as a function of the names it is given.

/** Each block of code, with the heading that it stands under. */
export function* programsOf(text: string): Generator<{ heading: string; body: string }> {
  let last = 'the beginning'
  for (const [, heading, body] of text.matchAll(/^##+ (.+)$|^```js\n([^]*?)^```$/gm)) {
    if (heading !== undefined) last = heading
    if (body !== undefined) yield { heading: last, body }
  }
}

export async function runProgram(body: string, given: Readonly<Record<string, unknown>>): Promise<void> {
  const program = new Function('given', `const { ${Object.keys(given).join(', ')} } = given\nreturn (async () => {\n${body.replace(/^import .*$/gm, '')}\n})()`) as (names: typeof given) => Promise<void>
  await program(given)
}
