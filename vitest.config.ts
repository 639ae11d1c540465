import { defineConfig } from 'vitest/config'

const minute = 60_000

// Reason: most of these drive whole processes, databases and browsers by the clock of whatever machine runs them. The second attempt is
// printed; a fault that is there every time still fails. What fails twice is begun anew as a whole file (scripts/test.mjs).
const retry = process.env.CI === 'true' ? 1 : 0

// A second, which is what `expect.poll` waits unless told, is nothing on a busy machine.
const expect = { poll: { timeout: minute / 2 } }

const isSoak = process.env.STRONGROOM_SOAK === '1'

/** Whether this run leaves out what needs one of these engines; `npm test` says so. */
const isWithout = (...engines: string[]) =>
  (process.env.STRONGROOM_WITHOUT ?? '').split(',').some((engine) => engines.includes(engine))
const leftOut = [
  ...(isWithout('postgres', 'haproxy')
    ? [
        'tests/e2e/src/cluster/**',
        'tests/e2e/src/deploy/**',
        'tests/e2e/src/doctor/**',
        'tests/resilience/src/{cluster-killed,history-engines}.test.ts',
      ]
    : []),
  ...(isWithout('systemd') ? ['tests/e2e/src/deploy/**'] : []),
]

/** Left out where the whole suite runs on other engines: these start, or are, the engines that they are about. */
const ownEngines = [
  // The embedded database and its data folder: starting, crashing, a full disk.
  'tests/e2e/src/start/**',
  // Engines by name, in every test.
  'tests/e2e/src/{cluster,deploy,doctor,kms,store}/**',
  // Data folders that are moved about; backup/engines.test.ts moves a service between engines.
  'tests/e2e/src/{backup/*,account/deletion-backup,restore/restore-server}.test.ts',
  // A server that takes file bytes itself, and the disk that it keeps them on.
  'tests/e2e/src/journeys/failures.test.ts',
  'tests/e2e/src/admin/database-url.test.ts',
]

/** In a soak these run everything, but the large counts belong to the suites of their own. */
const smallCounts = { STRONGROOM_SOAK: '' }

/** Suites by name; `npm test` runs them all, `npx vitest run --project unit` one. */
export default defineConfig({
  test: {
    // Most tests wait for processes of their own: two at a time suit two cores.
    maxWorkers: 2,
    globalSetup: ['tests/dev-env/engines/run-folder.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          retry,
          expect,
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts'],
          globalSetup: ['tests/dev-env/global-setup.ts'],
          testTimeout: minute,
          hookTimeout: minute,
        },
      },
      ...(isWithout('postgres')
        ? []
        : [
            {
              // What hangs most on the version of PostgreSQL, on another one than the embedded; STRONGROOM_TEST_DATABASE=15 runs any.
              test: {
                name: 'postgres-15',
                retry,
                expect,
                include: [
                  'packages/server/src/database/**/*.test.ts',
                  'packages/server/src/domain/{audit/audit,blobs/collect,jobs/runner,keys/rotate-outer}.test.ts',
                  'packages/server/src/http/{blobs,commits,head}.test.ts',
                ],
                globalSetup: ['tests/dev-env/global-setup-15.ts'],
                env: { STRONGROOM_TEST_ON: '15' },
                testTimeout: minute,
                hookTimeout: minute,
              },
            },
          ]),
      {
        test: {
          name: 'contract',
          retry,
          expect,
          include: ['tests/contract/**/*.test.ts'],
          globalSetup: ['tests/dev-env/global-setup.ts'],
          testTimeout: minute,
          // Whoever asks first for Ceph waits until it is installed and runs.
          hookTimeout: 5 * minute,
        },
      },
      {
        test: {
          name: 'model',
          retry,
          expect,
          include: ['tests/model/**/*.test.ts'],
          globalSetup: ['tests/dev-env/global-setup.ts'],
          testTimeout: minute,
          hookTimeout: minute,
        },
      },
      {
        test: {
          name: 'repository',
          retry,
          expect,
          include: ['tests/repository/**/*.test.ts'],
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
      {
        test: {
          name: 'e2e',
          retry,
          expect,
          include: ['tests/e2e/**/*.test.ts'],
          exclude: leftOut,
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
      ...(isWithout('ceph', 'postgres', 'haproxy')
        ? []
        : [
            {
              test: {
                name: 'e2e-bucket',
                retry,
                expect,
                include: [isSoak ? 'tests/e2e/**/*.test.ts' : 'tests/e2e/src/sdk/drive.test.ts'],
                exclude: [...leftOut, ...ownEngines],
                env: { STRONGROOM_TEST_STORE: 's3', ...smallCounts },
                testTimeout: 5 * minute,
                hookTimeout: 5 * minute,
              },
            },
            {
              test: {
                name: 'e2e-cluster',
                retry,
                expect,
                include: [isSoak ? 'tests/e2e/**/*.test.ts' : 'tests/e2e/src/verbs/trash.test.ts'],
                exclude: [...leftOut, ...ownEngines],
                env: { STRONGROOM_TEST_ENGINES: 'cluster', ...smallCounts },
                testTimeout: 5 * minute,
                hookTimeout: 5 * minute,
              },
            },
          ]),
      {
        test: {
          name: 'adversary',
          retry,
          expect,
          include: ['tests/adversary/**/*.test.ts'],
          globalSetup: ['tests/dev-env/global-setup.ts'],
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
      {
        test: {
          name: 'resilience',
          retry,
          expect,
          include: ['tests/resilience/**/*.test.ts'],
          exclude: leftOut,
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
      {
        test: {
          name: 'browser',
          retry,
          expect,
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
    ],
  },
})
