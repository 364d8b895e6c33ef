// zstd, by node:zlib where Node has it (22.15 and newer), else by two builds of it for WebAssembly: one that
// compresses and one that inflates into as much room as it is given. Those work on the calling thread, Later or not.
// zstd-frame.ts says before inflating where the frames end and how much they can hold.
import * as zlib from 'node:zlib'
import { asBuffer, malformed, tooLarge } from './body-codec.ts'
import type { BodyCodec } from './body-codec.ts'
import { outputLimit } from './gzip.ts'
import { zstdFrames } from './zstd-frame.ts'

/** What newer versions of Node have in node:zlib. */
interface NativeZstd {
  zstdCompressSync(body: Uint8Array): Buffer
  zstdCompress(body: Uint8Array, done: (error: Error | null, result: Buffer) => void): void
  zstdDecompressSync(body: Uint8Array, options: { maxOutputLength: number }): Buffer
  zstdDecompress(body: Uint8Array, options: { maxOutputLength: number }, done: (error: Error | null, result: Buffer) => void): void
}

export async function loadZstd(): Promise<BodyCodec> {
  const native = zlib as unknown as Partial<NativeZstd>
  return native.zstdCompressSync === undefined ? loadWasmZstd() : nativeZstd(native as NativeZstd)
}

function nativeZstd(native: NativeZstd): BodyCodec {
  return {
    compress: body => native.zstdCompressSync(body),
    compressLater: body => new Promise((resolve, reject) => {
      native.zstdCompress(body, (error, result) => error ? reject(error) : resolve(result))
    }),
    inflate: (body, limitBytes) => inflateFrames(body, limitBytes, (frame, roomBytes) => {
      try {
        return native.zstdDecompressSync(frame, { maxOutputLength: roomBytes })
      } catch (error) {
        throw outputLimit(error as Error, limitBytes)
      }
    }),
    inflateLater: (body, limitBytes) => inflateFramesLater(body, limitBytes, (frame, roomBytes) => new Promise((resolve, reject) => {
      native.zstdDecompress(frame, { maxOutputLength: roomBytes }, (error, result) => error ? reject(outputLimit(error, limitBytes)) : resolve(result))
    })),
  }
}

async function loadWasmZstd(): Promise<BodyCodec> {
  const [{ Zstd }, { ZSTDDecoder }] = await Promise.all([import('@hpcc-js/wasm-zstd'), import('zstddec')])
  const encoder = await Zstd.load()
  const decoder = new ZSTDDecoder()
  await decoder.init()

  const codec: BodyCodec = {
    compress: body => asBuffer(encoder.compress(body)),
    compressLater: async body => codec.compress(body),
    inflate: (body, limitBytes) => inflateFrames(body, limitBytes, (frame, roomBytes, maxBytes) => {
      const inflated = asBuffer(decoder.decode(frame, roomBytes))
      if (inflated.length > 0) return inflated
      // Its only sign of an error is an empty result, for bad data as for too little room.
      throw roomBytes < maxBytes ? tooLarge(limitBytes) : malformed('zstd', 'its frame does not decode')
    }),
    inflateLater: async (body, limitBytes) => codec.inflate(body, limitBytes),
  }
  return codec
}

type InflateFrame<T> = (frame: Uint8Array, roomBytes: number, maxBytes: number) => T

function inflateFrames(body: Uint8Array, limitBytes: number, inflateFrame: InflateFrame<Buffer>): Buffer {
  const parts: Buffer[] = []
  let leftBytes = limitBytes
  for (const { start, end, maxBytes } of zstdFrames(body)) {
    const part = inflateFrame(body.subarray(start, end), roomFor(maxBytes, leftBytes, limitBytes), maxBytes)
    parts.push(part)
    leftBytes -= part.length
  }
  return whole(parts)
}

async function inflateFramesLater(body: Uint8Array, limitBytes: number, inflateFrame: InflateFrame<Promise<Buffer>>): Promise<Buffer> {
  const parts: Buffer[] = []
  let leftBytes = limitBytes
  for (const { start, end, maxBytes } of zstdFrames(body)) {
    const part = await inflateFrame(body.subarray(start, end), roomFor(maxBytes, leftBytes, limitBytes), maxBytes)
    parts.push(part)
    leftBytes -= part.length
  }
  return whole(parts)
}

function roomFor(maxBytes: number, leftBytes: number, limitBytes: number): number {
  if (leftBytes === 0) throw tooLarge(limitBytes)
  return Math.min(maxBytes, leftBytes)
}

/** Almost always there is one frame, which needs no copy. */
function whole(parts: readonly Buffer[]): Buffer {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
}
