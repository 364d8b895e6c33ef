// What the compiler does not see: promises nobody waits for, switches that forget a case, and calls that go round
// the seams. Style is not checked here.
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { machineModules, timeModules } from './tools/check-layers.mjs'

/** @param {string[]} names */
const withAndWithoutPrefix = names => names.flatMap(name => [name, `node:${name}`])

/** @param {string[]} names @param {string} message */
const refuseImports = (names, message) => withAndWithoutPrefix(names).map(name => ({ name, message }))

const timers = ['setTimeout', 'setInterval', 'setImmediate'].map(name => ({ name, message: 'Take a Clock or Slices of platform/.' }))

export default defineConfig(
  globalIgnores(['dist', 'test/fixtures', 'tools/kafka/jars-*']),
  {
    files: ['**/*.{ts,mjs,cjs,js}'],
    extends: [tseslint.configs.base],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', 400],
      eqeqeq: 'error',
      'no-empty': 'error',
      'no-fallthrough': 'error',
      'no-self-compare': 'error',
      'no-unsafe-finally': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/restrict-plus-operands': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/platform/**'],
    rules: {
      'no-restricted-globals': ['error', ...timers],
      'no-restricted-imports': ['error', {
        paths: [
          ...refuseImports(machineModules, 'Only platform/ reaches the machine.'),
          ...refuseImports(timeModules, 'Take a Clock or Slices of platform/.'),
        ],
      }],
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['src/format/**/*.ts'],
    rules: {
      'no-restricted-properties': ['error',
        { object: 'Date', property: 'now', message: 'format/ knows no clock.' },
        { object: 'performance', property: 'now', message: 'format/ knows no clock.' },
        { object: 'Math', property: 'random', message: 'format/ knows no randomness.' },
      ],
    },
  },
)
