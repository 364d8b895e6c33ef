// lz4, in the frames that Kafka reads and writes: version 1, independent blocks, no dictionary. The library makes the
// frames; how far a frame inflates is found out before by lz4-frame.ts.
import { asBuffer, malformed } from './body-codec.ts'
import type { BodyCodec } from './body-codec.ts'
import { inflatedFrameBytes } from './lz4-frame.ts'

export async function loadLz4(): Promise<BodyCodec> {
  const { default: lz4 } = await import('lz4-napi')
  return {
    compress: body => lz4.compressFrameSync(asBuffer(body)),
    compressLater: body => lz4.compressFrame(body),
    inflate(body, limitBytes) {
      const bytes = inflatedFrameBytes(body, limitBytes)
      return exactly(bytes, lz4.decompressFrameSync(asBuffer(body)))
    },
    async inflateLater(body, limitBytes) {
      const bytes = inflatedFrameBytes(body, limitBytes)
      return exactly(bytes, await lz4.decompressFrame(body))
    },
  }
}

function exactly(bytes: number, inflated: Buffer): Buffer {
  if (inflated.length !== bytes) throw malformed('lz4', `${inflated.length} bytes came out, its blocks say ${bytes}`)
  return inflated
}
