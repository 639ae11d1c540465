import { buildMutant, type Mutation } from '../../../adversary/src/harness/mutant.ts'

const APPEND = 'packages/server/src/domain/commits/append.ts'
const TRANSACTION = `return deps.database
    .transaction()
    .execute((tx) => appendLocked(`
/** Of each process, as they should be, so that devices can sign in. */
const FIRST_ANSWERS = 4

/** The answer to an append goes out a moment before its transaction is committed, once devices have signed in. */
const ANSWERED_EARLY: readonly Mutation[] = [
  { file: APPEND, find: TRANSACTION, replace: 'return answeredEarly(deps, (tx) => appendLocked(' },
  {
    file: APPEND,
    find: 'export function headMoved(',
    replace: `let answers = 0
    function answeredEarly<T>(deps: AppendDeps, task: (tx: DatabaseTransaction) => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        deps.database
          .transaction()
          .execute(async (tx) => {
            const result = await task(tx)
            answers += 1
            if (answers > ${FIRST_ANSWERS}) {
              resolve(result)
              await new Promise((done) => setTimeout(done, 60))
            }
            return result
          })
          .then(resolve, reject)
      })
    }
    export function headMoved(`,
  },
]

/** The database answers COMMIT before it is durable. */
const COMMITTED_IN_MEMORY: readonly Mutation[] = [
  {
    file: APPEND,
    find: 'const now = deps.clock.nowMs()\n  const moved = await tx',
    replace:
      'await sql`SET LOCAL synchronous_commit TO off`.execute(tx)\n  const now = deps.clock.nowMs()\n  const moved = await tx',
  },
  {
    file: APPEND,
    find: "import { equal } from '../bytes.ts'",
    replace: "import { sql } from 'kysely'\nimport { equal } from '../bytes.ts'",
  },
]

const SWEEP = 'packages/server/src/domain/blobs/sweep.ts'
const COLLECT = 'packages/server/src/domain/blobs/collect.ts'
const IN_USE = "state IN ('live', 'condemned')"

/** What lies in the store is taken for left behind unless a commit refers to it already, and goes at once. */
const OPEN_UPLOADS_IGNORED: readonly Mutation[] = [
  { file: SWEEP, find: 'SELECT id FROM blobs WHERE id', replace: `SELECT id FROM blobs WHERE ${IN_USE} AND id` },
  { file: SWEEP, find: '? sql`SELECT 1 FROM blobs WHERE', replace: `? sql\`SELECT 1 FROM blobs WHERE ${IN_USE} AND` },
  { file: SWEEP, find: '(doomed OR seen_ms', replace: '(doomed OR true OR seen_ms' },
]

/** Between finding what is due and taking it, nobody looks whether it was committed meanwhile. */
const NEW_REFERENCES_IGNORED: readonly Mutation[] = [
  {
    file: COLLECT,
    find: 'await lockAccount(tx, batch.ownerId)',
    replace: `const isDue = (_step: Step, _now: number) => sql\`true\`
      await new Promise((done) => setTimeout(done, 300))
      await lockAccount(tx, batch.ownerId)`,
  },
]

const SERVER = 'apps/server/src/run.ts'

export const buildServers = {
  'answers before COMMIT': () => buildMutant(ANSWERED_EARLY, SERVER),
  'commits in memory only': () => buildMutant(COMMITTED_IN_MEMORY, SERVER),
}

const COLLECTOR = 'tests/resilience/src/history/collector-build.ts'

export const buildCollectors = {
  'ignores open uploads': () => buildMutant(OPEN_UPLOADS_IGNORED, COLLECTOR),
  'ignores new references': () => buildMutant(NEW_REFERENCES_IGNORED, COLLECTOR),
}
