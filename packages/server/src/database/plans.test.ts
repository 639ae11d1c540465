import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { jobRunner } from '../domain/jobs/runner.ts'
import { serverJobs } from '../domain/jobs/server-jobs.ts'
import { DAY_MS, RETENTION } from '../testing/collection.ts'
import { populate } from '../testing/populate.ts'
import { commit, logIn, registerAccount, startLogin, storeBlob } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

/** Tables that grow with accounts or with what they store. */
const GROWING = new Set([
  ...['accounts', 'outer_keys', 'envelopes', 'keyrings', 'sessions', 'session_halves', 'vaults', 'members', 'commits'],
  ...[
    'blobs',
    'blob_references',
    'wraps',
    'audit_heads',
    'audit_entries',
    'audit_folds',
    'rate_limits',
    'login_states',
  ],
  ...['checkpoints', 'totp', 'backup_codes', 'login_tickets', 'recovery_states'],
])

const statements = new Set<string>()
const { query } = pg.Client.prototype
let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
  await populate(server.database, { accounts: 400, blobsEach: 10 })
  // Records what the server's own driver is asked; the call itself is passed on untouched.
  pg.Client.prototype.query = function (this: pg.Client, ...parameters: unknown[]) {
    const [asked] = parameters as (string | { text?: string })[]
    const text = typeof asked === 'string' ? asked : asked?.text
    if (text !== undefined) statements.add(text)
    return Reflect.apply(query, this, parameters)
  } as typeof query
})
afterAll(async () => {
  pg.Client.prototype.query = query
  await server.close()
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly PlanNode[]
}

/** Nodes that read a growing table from one end to the other. */
function fullReads(node: PlanNode, limited: boolean): string[] {
  const inner = (node.Plans ?? []).flatMap((child) => fullReads(child, limited || node['Node Type'] === 'Limit'))
  const table = node['Relation Name'] ?? ''
  const isFull =
    node['Node Type'] === 'Seq Scan' || (/^Index/.test(node['Node Type']) && node['Index Cond'] === undefined)
  return isFull && !limited && GROWING.has(table) ? [`${node['Node Type']} on ${table}`, ...inner] : inner
}

/** The life of an account, beside the jobs that follow it. */
async function work(): Promise<void> {
  const ann = await registerAccount(server)
  const { vaultId } = ann.state
  await startLogin(server, ann.login, 'a wrong password')
  await logIn(server, ann.login, ann.password)
  const [kept, dropped] = [await storeBlob(ann), await storeBlob(ann)]
  await commit(ann, { added: [{ blobId: kept.blobId }, { blobId: dropped.blobId }] })
  await commit(ann, { released: [{ blobId: dropped.blobId }] })
  await ann.ask('blobsOpen', { body: { vaultId, blobIds: [kept.blobId] } })
  await ann.ask('vaultHead', { params: { vaultId } })
  await ann.ask('commitsRead', { params: { vaultId }, query: { from: 0 } })
  await ann.ask('headersRead', { params: { vaultId }, query: { from: 0 } })
  await ann.ask('checkpointRead', { params: { vaultId } })
  await ann.ask('account', {})
  await ann.ask('sessionsList', {})
  await ann.ask('auditRead', { query: { from: 1 } })
  await jobRunner(server, serverJobs({ ...server, retention: RETENTION })).runDue()
  server.clock.advance(40 * DAY_MS)
  await jobRunner(server, serverJobs({ ...server, retention: RETENTION })).runDue()
  await ann.ask('logout', {})
}

it('no statement of a request or a job reads a growing table from end to end', async ({ skip }) => {
  const version = await sql<{ at: string }>`SELECT current_setting('server_version_num') AS at`.execute(server.database)
  // Plans without parameters came with 16.
  if (Number(version.rows[0]?.at) < 160_000) return skip()
  await work()
  const found: string[] = []
  const planned = [...statements].filter((text) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(text))
  await server.database.connection().execute(async (connection) => {
    await sql`SET enable_seqscan = off`.execute(connection)
    for (const text of planned) {
      const plan = await sql
        .raw<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`)
        .execute(connection)
      const root = plan.rows[0]?.['QUERY PLAN'][0]?.Plan
      const reads = root === undefined ? [] : fullReads(root, false)
      if (reads.length > 0) found.push(`${reads.join(', ')}: ${text.replaceAll(/\s+/g, ' ').slice(0, 200)}`)
    }
  })
  expect(planned.length).toBeGreaterThan(60)
  expect(found).toEqual([])
})

it('the collector reads its batches in order, from where it was, and sorts nothing', async () => {
  await sql`ANALYZE blobs`.execute(server.database)
  const plan = await sql<{ 'QUERY PLAN': { Plan: PlanNode }[] }>`
    EXPLAIN (FORMAT JSON) SELECT id, owner_id FROM blobs
    WHERE state = 'condemned' AND condemned_ms <= 9000000000000 AND (owner_id, id) > ('\\x80', '\\x80')
    ORDER BY owner_id, id LIMIT 10`.execute(server.database)
  const text = JSON.stringify(plan.rows)
  expect(text).toContain('blobs_collection')
  expect(text).not.toMatch(/"Sort"|Seq Scan/)
})

it('the plan of opening one blob is kept, not made anew each time', async () => {
  const ann = await registerAccount(server)
  const { blobId } = await storeBlob(ann)
  await commit(ann, { added: [{ blobId }] })
  // One request after the other, so that all of them and the question after them are asked on one connection.
  for (let index = 0; index < 20; index += 1) {
    await ann.ask('blobsOpen', { body: { vaultId: ann.state.vaultId, blobIds: [blobId] } })
  }
  const plans = await sql<{ kept: number }>`
    SELECT generic_plans AS kept FROM pg_prepared_statements WHERE statement LIKE '%greatest(urls_end_ms%'`.execute(
    server.database,
  )
  expect(plans.rows.map(({ kept }) => kept > 0)).toContain(true)
})

it('the plans of committing one blob are kept, too', async () => {
  const ann = await registerAccount(server)
  const prepared = async () => {
    const plans = await sql<{ statement: string; kept: number; made: number }>`
      SELECT statement, generic_plans AS kept, custom_plans AS made FROM pg_prepared_statements
      WHERE statement ~ 'FROM blobs WHERE id|blob_references|INTO wraps|UPDATE blobs b SET'`.execute(server.database)
    return plans.rows
  }
  const areKept = (plans: readonly { kept: number }[]) => plans.filter(({ kept }) => kept > 0).length >= 7
  // Whichever connections are lent: plans are kept from the sixth time on one of them.
  for (let index = 0; index < 100 && !areKept(await prepared()); index += 1) {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    await commit(ann, { released: [{ blobId }] })
  }
  const plans = await prepared()
  expect(areKept(plans)).toBe(true)
  expect(plans.filter(({ made }) => made > 5)).toEqual([])
})
