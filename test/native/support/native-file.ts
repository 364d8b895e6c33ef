// Which build of the native part the tests in this process run on, for programs that load it by its name.
import { resolve } from 'node:path'
import { buildNative } from '../../../tools/build-native.mjs'
import { nativePart } from '../../../src/native/load.ts'
import type { NativePart } from '../../../src/native/native-part.ts'

const chosen = process.env['MILLRACE_NATIVE'] ?? ''

/** undefined where there is none, and where what it does about mapping and signals is not for this system. */
export const nativeFile: string | undefined = nativePart === undefined || process.platform !== 'linux' ? undefined : chosen === '' ? buildNative() : resolve(chosen)

/** For tests that are skipped without it. */
export const native: NativePart = nativePart!
