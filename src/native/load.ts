// Finds and loads the native part, once for each thread; the only file that does. Where there is none, everything
// works without it, and `nativeAbsence` says why there is none.
//
// Loaded: the file for this platform and processor, beside the built library or in native/build of a checkout. The
// environment variable MILLRACE_NATIVE names another file (a build with a sanitizer, say), or is `off`.
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as layout from './batch-layout.ts'
import * as records from './record-layout.ts'
import type { NativeConstants, NativePart } from './native-part.ts'

/** What both sides have to agree on. */
const SHARED = {
  interfaceVersion: 2, overheadBytes: layout.LOG_OVERHEAD, headerBytes: layout.HEADER_BYTES, lengthAt: layout.LENGTH_AT, leaderEpochAt: layout.LEADER_EPOCH_AT,
  magicAt: layout.MAGIC_AT, crcAt: layout.CRC_AT, checkedFrom: layout.CHECKED_FROM, magic: layout.MAGIC,
  rowEnd: records.ROW_END, rowTimestampLow: records.ROW_TIMESTAMP_LOW, rowTimestampHigh: records.ROW_TIMESTAMP_HIGH, rowTail: records.ROW_TAIL,
  rowOffsetDelta: records.ROW_OFFSET_DELTA, rowKey: records.ROW_KEY, rowKeyBytes: records.ROW_KEY_BYTES, rowValueBytes: records.ROW_VALUE_BYTES,
  rowHashes: records.ROW_HASHES, rowWords: records.ROW_WORDS, seedBytes: records.SEED_BYTES,
}

type Loaded = { readonly part: NativePart; readonly absence: '' } | { readonly part: undefined; readonly absence: string }

/** A bundle in CommonJS has no import.meta. */
const here = typeof __filename === 'string' ? pathToFileURL(__filename).href : import.meta.url
const loaded = load()

export const nativePart: NativePart | undefined = loaded.part
/** Why there is no native part; '' where there is one. */
export const nativeAbsence: string = loaded.absence

function load(): Loaded {
  const chosen = process.env['MILLRACE_NATIVE'] ?? ''
  if (chosen === 'off') return absent('the native part is turned off (MILLRACE_NATIVE=off)')
  const require = createRequire(here)
  let failure: unknown
  for (const file of chosen === '' ? usualFiles() : [resolve(chosen)]) {
    try {
      return accept(require(file) as NativePart, file)
    } catch (error) {
      if (failure === undefined || !isNotFound(error)) failure = error
    }
  }
  if (isNotFound(failure)) return absent(chosen !== '' ? `MILLRACE_NATIVE names ${resolve(chosen)}, which is not there` : `there is no native part for ${process.platform}-${process.arch}`)
  if (isNotPermitted(failure)) return absent('this process may not load native code (--permission without --allow-addons, or --no-addons)')
  return absent(`the native part does not load: ${failure instanceof Error ? failure.message : String(failure)}`)
}

/** The one for musl does not load with glibc, nor the other way round: they are simply tried. */
function usualFiles(): string[] {
  const folder = here.endsWith('.ts') ? '../../native/build/' : './native/'
  const target = `${process.platform}-${process.arch}`
  return [`${target}.node`, `${target}-musl.node`].map(name => fileURLToPath(new URL(folder + name, here)))
}

function accept(part: NativePart, file: string): Loaded {
  const constants = part.constants as Partial<NativeConstants> | undefined
  for (const [name, expected] of Object.entries(SHARED)) {
    const found = constants?.[name as keyof NativeConstants]
    if (found !== expected) return absent(`${file} is of another version: ${name} is ${String(found)}, expected ${expected}`)
  }
  return { part, absence: '' }
}

function absent(absence: string): Loaded {
  return { part: undefined, absence }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND'
}

function isNotPermitted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_DISABLED'
}
