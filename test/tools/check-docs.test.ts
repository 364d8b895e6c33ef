import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkDocs } from '../../tools/check-docs.mjs'

const made: string[] = []
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true })
})

function project(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
  made.push(root)
  execFileSync('git', ['init', '--quiet'], { cwd: root })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const example = `// examples/first.mjs\nconsole.log('one')\n`
const sound = {
  'README.md': `# A log\n\n[promises](docs/guarantees.md#what-we-promise) and [below](#a-log)\n\n\`\`\`js\n${example}\`\`\`\n`,
  'ARCHITECTURE.md': '# Parts\n',
  'CHANGELOG.md': '# Changes\n\n## 1.2.3\n',
  'docs/guarantees.md': '# What we promise\n\n- It holds ([test](../test/holds.test.ts)).\n',
  'test/holds.test.ts': '',
  'examples/first.mjs': example,
  'package.json': '{ "version": "1.2.3" }',
}

test('a project whose documents hold is let through', () => {
  expect(checkDocs(project(sound))).toEqual([])
})

test('links and paths inside code are not links', () => {
  expect(checkDocs(project({ ...sound, 'docs/a.md': 'see `[x](absent.md)`\n\n```\n[x](absent.md)\n# no heading\n```\n' }))).toEqual([])
})

describe('refused, and named', () => {
  // In parts, because this file is checked too.
  const home = ['', 'home', 'ada', 'millrace'].join('/')
  const registry = ['registry', 'npmjs', 'org'].join('.')
  const planted: [what: string, file: string, text: string, fault: string][] = [
    ['a link to a file that is not there', 'docs/a.md', '[a](absent.md)', `docs/a.md: the link 'absent.md' leads nowhere`],
    ['a link by reference to a file that is not there', 'docs/a.md', '[a]\n\n[a]: absent.md\n', `docs/a.md: the link 'absent.md' leads nowhere`],
    ['a link out of the project', 'docs/a.md', '[a](../../elsewhere.md)', `docs/a.md: the link '../../elsewhere.md' leads nowhere`],
    ['an anchor without a heading', 'docs/a.md', '[a](../README.md#gone)', `README.md has no heading for the link '../README.md#gone'`],
    ['an example that differs from its file', 'examples/first.mjs', `${example}\n`, `'// examples/first.mjs' is not what the file holds`],
    ['an example of no file', 'docs/a.md', '```ts\n// examples/gone.ts\n```\n', `'// examples/gone.ts' names no file`],
    ['a README of 151 lines', 'README.md', 'a\n'.repeat(151), 'README.md has 151 lines, more than 150'],
    ['an ARCHITECTURE of 251 lines', 'ARCHITECTURE.md', 'a\n'.repeat(251), 'ARCHITECTURE.md has 251 lines, more than 250'],
    ['a promise without a test', 'docs/guarantees.md', '- It holds ([test](../test/holds.test.ts)).\n- So does this.\n', `no test stands behind '- So does this.'`],
    ['a promise whose test is gone', 'docs/guarantees.md', '- So does this ([test](../test/gone.test.ts)).\n', 'no test stands behind'],
    ['a page of promises without one', 'docs/guarantees.md', 'We try.\n', 'promises nothing'],
    ['a version without an entry', 'CHANGELOG.md', '# Changes\n\n## 1.2.2\n', 'CHANGELOG.md has no heading for 1.2.3'],
    ['a path of one machine', 'src/a.ts', `// see ${home}\n`, 'src/a.ts:1:'],
    ['the host of a registry', 'package-lock.json', `{ "resolved": "https://${registry}/a" }`, 'package-lock.json:1:'],
  ]

  test.each(planted)('%s', (_what, file, text, fault) => {
    expect(checkDocs(project({ ...sound, [file]: text })).join('\n')).toContain(fault)
  })
})
