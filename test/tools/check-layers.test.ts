import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkLayers } from '../../tools/check-layers.mjs'

const made: string[] = []
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true })
})

function tree(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-layers-'))
  made.push(directory)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return directory
}

const sound = {
  'index.ts': `export { open } from './surface/open.ts'`,
  'surface/open.ts': `import { a } from '../base/a.ts'\nexport const open = () => a`,
  'platform/disk.ts': `import { open } from 'node:fs'\nexport { open }`,
  'base/a.ts': 'export const a = 1',
}

test('the project itself has no fault', () => {
  expect(checkLayers(join(import.meta.dirname, '../../src'))).toEqual([])
})

test('imports that only go down are let through', () => {
  expect(checkLayers(tree(sound))).toEqual([])
})

describe('refused, and named by file', () => {
  const planted: [what: string, file: string, text: string, fault: string][] = [
    ['an import that goes up', 'base/b.ts', `import { open } from '../surface/open.ts'`, 'base/ is not above surface/'],
    ['an import of a type that goes up', 'base/b.ts', `import type { open } from '../surface/open.ts'`, 'base/ is not above surface/'],
    ['a type imported in place', 'base/b.ts', `export type B = import('../surface/open.ts').open`, 'base/ is not above surface/'],
    ['a re-export that goes up', 'base/b.ts', `export * from '../surface/open.ts'`, 'base/ is not above surface/'],
    ['an import() that goes up', 'base/b.ts', `export const b = () => import('../surface/open.ts')`, 'base/ is not above surface/'],
    ['an import from a layer of the same row', 'format/b.ts', `import '../platform/disk.ts'`, 'format/ is not above platform/'],
    ['an import of an entry file', 'base/b.ts', `import '../index.ts'`, 'base/ is not above the entry files'],
    ['the surface in the Kafka door', 'kafka/b.ts', `import '../surface/open.ts'`, 'kafka/ never imports surface/'],
    ['a file that is not there', 'base/b.ts', `import './absent.ts'`, 'which is no .ts file'],
    ['an import without its ending', 'base/b.ts', `import './a'`, 'which is no .ts file'],
    ['the disk outside platform/', 'storage/b.ts', `import { open } from 'node:fs/promises'`, 'only platform/ does'],
    ['the disk without its prefix', 'storage/b.ts', `import { open } from 'fs'`, 'only platform/ does'],
    ['threads outside platform/', 'storage/b.ts', `import { Worker } from 'node:worker_threads'`, 'only platform/ does'],
    ['a timer in format/', 'format/b.ts', `import { setTimeout } from 'node:timers'`, 'no clock, disk or randomness'],
    ['randomness in format/', 'format/b.ts', `import { randomUUID } from 'node:crypto'`, 'no clock, disk or randomness'],
    ['a folder that is no layer', 'helpers/b.ts', 'export const b = 1', 'helpers/ is not a layer'],
  ]

  test.each(planted)('%s', (_what, file, text, fault) => {
    const faults = checkLayers(tree({ ...sound, [file]: text }))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
    expect(faults[0]).toContain(file.split('/')[0])
  })

  test('a circle between files of one layer', () => {
    const faults = checkLayers(tree({ ...sound, 'base/b.ts': `import './c.ts'`, 'base/c.ts': `import type { b } from './b.ts'` }))
    expect(faults).toEqual(['a circle: base/b.ts > base/c.ts > base/b.ts'])
  })
})
