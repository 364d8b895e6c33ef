// All that can be imported from the package, in one module: what tsup.config.ts builds dist/millrace.cjs from.
// One line for each subpath of package.json's `exports`; the build refuses a difference. And what is run: the log's other
// thread, and the command line.
export * as cli from '../src/cli.ts'
export * as index from '../src/index.ts'
export * as kafka from '../src/kafka.ts'
export * as testing from '../src/testing.ts'
export * as worker from '../src/worker.ts'
