// The door to the four codecs. gzip is Node's own; the libraries of the others are optional and loaded on first need:
// ensureCodec when a topic is opened, so that the first record is not what finds a library absent.
// The functions without a promise need a codec that ensureCodec has loaded; the …Later ones load it themselves.
// Inflating is limited on every codec: INFLATED_TOO_LARGE (LimitError) or COMPRESSED_MALFORMED (CorruptionError).
import { assert } from '../base/assert.ts'
import { MillraceError, UsageError } from '../base/errors.ts'
import { asBuffer, malformed, tooLarge } from './body-codec.ts'
import type { BodyCodec } from './body-codec.ts'
import { gzip } from './gzip.ts'
import { loadLz4 } from './lz4.ts'
import type { Codec } from './record-batch.ts'
import { loadSnappy } from './snappy.ts'
import { loadZstd } from './zstd.ts'

const none: BodyCodec = {
  compress: body => Buffer.from(body),
  compressLater: async body => Buffer.from(body),
  inflate(body, limitBytes) {
    if (body.length > limitBytes) throw tooLarge(limitBytes)
    return asBuffer(body)
  },
  inflateLater: async (body, limitBytes) => none.inflate(body, limitBytes),
}

const loaders = {
  none: { packages: [], load: async () => none },
  gzip: { packages: [], load: async () => gzip },
  snappy: { packages: ['snappy'], load: loadSnappy },
  lz4: { packages: ['lz4-napi'], load: loadLz4 },
  zstd: { packages: ['@hpcc-js/wasm-zstd', 'zstddec'], load: loadZstd },
} satisfies Record<Codec, { packages: readonly string[]; load: () => Promise<BodyCodec> }>

const loaded = new Map<Codec, BodyCodec>([['none', none], ['gzip', gzip]])

/** Loads the codec's library; a UsageError 'CODEC_UNAVAILABLE' names what to install. */
export async function ensureCodec(codec: Codec): Promise<void> {
  if (loaded.has(codec)) return
  const { packages, load } = loaders[codec]
  try {
    loaded.set(codec, await load())
  } catch (cause) {
    const names = packages.join(' ')
    throw new UsageError('CODEC_UNAVAILABLE', `the codec '${codec}' can't be used here: ${names} could not be loaded`, {
      hint: `npm install ${names}${codec === 'zstd' ? ', or run Node 22.15 or newer, which has zstd built in' : ''}`,
      details: { codec, packages, node: process.version },
      cause,
    })
  }
}

/** Whether the functions without a promise can be used. */
export function isCodecLoaded(codec: Codec): boolean {
  return loaded.has(codec)
}

export function compress(codec: Codec, body: Uint8Array): Buffer {
  return ready(codec).compress(body)
}

/** `body` must not change until it settles. */
export async function compressLater(codec: Codec, body: Uint8Array): Promise<Buffer> {
  await ensureCodec(codec)
  return ready(codec).compressLater(body)
}

/** The records area as it was before compression; at most limitBytes. With 'none' it is body itself. */
export function inflate(codec: Codec, body: Uint8Array, limitBytes: number): Buffer {
  try {
    return ready(codec).inflate(body, limitBytes)
  } catch (error) {
    throw typed(codec, error)
  }
}

/** As inflate; `body` must not change until it settles. */
export async function inflateLater(codec: Codec, body: Uint8Array, limitBytes: number): Promise<Buffer> {
  await ensureCodec(codec)
  try {
    return await ready(codec).inflateLater(body, limitBytes)
  } catch (error) {
    throw typed(codec, error)
  }
}

function ready(codec: Codec): BodyCodec {
  const implementation = loaded.get(codec)
  assert(implementation !== undefined, `ensureCodec('${codec}') comes first`)
  return implementation
}

function typed(codec: Codec, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  return malformed(codec, error instanceof Error ? error.message : String(error), error)
}
