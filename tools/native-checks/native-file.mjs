// Which build the checks run on: the one that MILLRACE_NATIVE names, else the usual one, built if it is older than native/.
import { resolve } from 'node:path'
import { buildNative } from '../build-native.mjs'

/** @returns {string} */
export function nativeFile() {
  const chosen = process.env['MILLRACE_NATIVE'] ?? ''
  const file = chosen === '' ? buildNative() : resolve(chosen)
  if (file === undefined) throw new Error('no C compiler: there is no native part to check')
  return file
}
