// Projects, by what a test needs:
//   source    runs on src/ as it stands
//   built     needs dist/ (children that are killed, examples, types as users see them): built once, if older than src/
//   kafka     needs Java and Maven, or real Kafka clients: `npm run test:kafka`
//   package   needs the network: packs the tarball and installs it on several Nodes: `npm run test:package`
// `npm test` runs the first two; `npm test -- test/format` what lies in that folder.
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const allOf = (folders: readonly string[]): string[] => folders.map(folder => `test/${folder}/**/*.test.ts`)

const packageTests = ['test/packaging/tarball.test.ts']
const kafkaTests = allOf(['kafka', 'clients'])
const builtTests = allOf(['packaging', 'crash', 'guarantees', 'examples', 'types', 'cli'])
const globalSetup = './test/support/build-dist.ts'

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism() - 1), // most of a file's time is its start
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      { extends: true, test: { name: 'source', include: ['test/**/*.test.ts'], exclude: [...builtTests, ...kafkaTests, ...packageTests], globalSetup: './test/support/build-native.ts' } },
      { extends: true, test: { name: 'built', include: builtTests, exclude: packageTests, globalSetup } },
      { extends: true, test: { name: 'kafka', include: kafkaTests, testTimeout: 120_000, hookTimeout: 300_000 } },
      { extends: true, test: { name: 'package', include: packageTests, globalSetup, testTimeout: 120_000, hookTimeout: 300_000 } },
    ],
  },
})
