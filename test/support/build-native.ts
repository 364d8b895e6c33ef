// Compiles the native part before tests on src/, where there is a compiler and its file is older than native/.
import { buildNative } from '../../tools/build-native.mjs'

export default function setup(): void {
  buildNative()
}
