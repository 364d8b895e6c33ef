// gzip, by node:zlib, which stops inflating once the output exceeds the limit.
import * as zlib from 'node:zlib'
import { tooLarge } from './body-codec.ts'
import type { BodyCodec } from './body-codec.ts'

export const gzip: BodyCodec = {
  compress: body => zlib.gzipSync(body),
  compressLater: body => new Promise((resolve, reject) => {
    zlib.gzip(body, (error, result) => error ? reject(error) : resolve(result))
  }),
  inflate(body, limitBytes) {
    try {
      return zlib.gunzipSync(body, { maxOutputLength: limitBytes })
    } catch (error) {
      throw outputLimit(error as Error, limitBytes)
    }
  },
  inflateLater: (body, limitBytes) => new Promise((resolve, reject) => {
    zlib.gunzip(body, { maxOutputLength: limitBytes }, (error, result) => error ? reject(outputLimit(error, limitBytes)) : resolve(result))
  }),
}

/** Tells zlib's "the output is longer than maxOutputLength" from its other errors. */
export function outputLimit(error: Error, limitBytes: number): Error {
  return 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(limitBytes) : error
}
