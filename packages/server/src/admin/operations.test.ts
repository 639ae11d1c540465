import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hex } from '../domain/bytes.ts'
import { adminDepsOf, administer } from '../testing/admin.ts'
import { DAY_MS } from '../testing/collection.ts'
import { commit, logIn, registerAccount, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let ann: TestAccount
let bob: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server, { login: 'Ann@Example.org' })
  server.clock.advance(1_000)
  bob = await registerAccount(server)
})
afterAll(() => server.close())

const idOf = (account: TestAccount) => hex(account.author.accountId)

interface Page {
  accounts: {
    account: string
    usedBytes: number
    quotaBytes: number
    defaultQuota: boolean
    sessions: number
    lastUsedMs: number | null
    secondFactor: boolean
    disabledMs: number | null
  }[]
  next: string | null
}
const users = async (input: object): Promise<Page> => (await administer(server, 'users', input)).result

/** Accounts with random bytes for everything that tells nothing here. */
async function insertAccounts(count: number): Promise<void> {
  await sql`
    INSERT INTO accounts (id, login_hash, setup_id, opaque_record, recovery_auth_hash, card, card_hash,
      private_vault_id, used_bytes, created_ms)
    SELECT decode(md5('a' || n), 'hex'), md5('l' || n), ${server.setup.id}, '', decode(repeat(md5('r'), 2), 'hex'), '',
      decode(repeat(md5('c'), 2), 'hex'), '', n, 1000 + n / 7
    FROM generate_series(1, ${count}::int) n`.execute(server.database)
}

describe('users', () => {
  it('shows an account by id or by login name, in any case and form of it', async () => {
    await logIn(server, ann.login, ann.password)
    for (const name of [idOf(ann), idOf(ann).toUpperCase(), 'ann@example.org', ' ANN@example.ORG']) {
      const { accounts } = await users({ account: name })
      expect(accounts).toMatchObject([
        {
          account: idOf(ann),
          sessions: 2,
          defaultQuota: true,
          quotaBytes: 2 ** 40,
          secondFactor: false,
          disabledMs: null,
        },
      ])
    }
    for (const name of ['nobody', hex(randomBytes(16))]) {
      await expect(users({ account: name })).rejects.toMatchObject({ code: 'not_found' })
    }
  })

  it('takes an id for the account itself, also where it is the login name of another', async () => {
    const mimic = await registerAccount(server, { login: idOf(bob) })
    expect((await users({ account: idOf(bob) })).accounts[0]?.account).toBe(idOf(bob))
    expect((await users({ account: idOf(mimic) })).accounts[0]?.account).toBe(idOf(mimic))
  })

  it('lists every account once, in pages, also those made in the same millisecond', async () => {
    await insertAccounts(250)
    const seen: string[] = []
    let after: string | null = null
    do {
      const page: Page = await users({ limit: 40, ...(after === null ? {} : { after }) })
      seen.push(...page.accounts.map((entry) => entry.account))
      after = page.next
    } while (after !== null)
    expect(seen.length).toBe(253)
    expect(new Set(seen).size).toBe(253)
    expect(seen.slice(-3, -1)).toEqual([idOf(ann), idOf(bob)])
  })

  it('reads no more than the page and what belongs to it', async () => {
    await sql`ANALYZE accounts, sessions`.execute(server.database)
    const plan = await server.database.transaction().execute(async (tx) => {
      await sql`SET LOCAL enable_seqscan = off`.execute(tx)
      return sql<{ 'QUERY PLAN': string }>`
        EXPLAIN SELECT * FROM accounts a WHERE (a.created_ms, a.id) > (1010, '\\x00'::bytea)
        ORDER BY a.created_ms, a.id LIMIT 40`.execute(tx)
    })
    const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(text).toContain('accounts_created')
    expect(text).not.toContain('Sort')
  })

  it('refuses places and sizes that it never named', async () => {
    for (const input of [
      { after: 'x' },
      { after: `1-${'0'.repeat(31)}` },
      { limit: 0 },
      { limit: 1001 },
      { limit: 1.5 },
      { more: 1 },
    ]) {
      await expect(users(input)).rejects.toMatchObject({ code: 'usage' })
    }
  })
})

describe('quota', () => {
  const quota = async (account: string, quotaBytes?: number | null) =>
    (await administer(server, 'quota', { account, ...(quotaBytes === undefined ? {} : { quotaBytes }) })).result

  it('is what the account sees, and below its usage stops uploads only', async () => {
    const carol = await registerAccount(server)
    const blob = await storeBlob(carol)
    await commit(carol, { added: [{ blobId: blob.blobId }] })
    expect(await quota(idOf(carol), 500)).toMatchObject({ usedBytes: 600, quotaBytes: 500, defaultQuota: false })
    expect((await carol.ask('account', {})).value()).toMatchObject({ usedBytes: 600, quotaBytes: 500 })
    await expect(storeBlob(carol)).rejects.toThrow(/quota_exceeded/)
    const open = await carol.ask('blobsOpen', { body: { vaultId: carol.state.vaultId, blobIds: [blob.blobId] } })
    expect(open.code).toBe('ok')
    expect((await commit(carol, { released: [{ blobId: blob.blobId }] })).code).toBe('ok')
    expect(await quota(idOf(carol), null)).toMatchObject({ quotaBytes: 2 ** 40, defaultQuota: true })
    await storeBlob(carol)
  })

  it('takes no number that is no size', async () => {
    for (const wrong of [-1, 0.5, 2 ** 53, '5', Number.NaN]) {
      await expect(quota(idOf(ann), wrong as number)).rejects.toMatchObject({ code: 'usage' })
    }
  })
})

describe('disable', () => {
  it('keeps what the account has from being collected, and gives the time back', async () => {
    const dora = await registerAccount(server)
    const live = await storeBlob(dora)
    await commit(dora, { added: [{ blobId: live.blobId }] })
    const stored = await storeBlob(dora)
    const condemned = await storeBlob(dora)
    await commit(dora, { added: [{ blobId: condemned.blobId }] })
    await commit(dora, { released: [{ blobId: condemned.blobId }] })
    const states = () =>
      Promise.all(
        [live, stored, condemned].map(async ({ blobId }) => {
          const row = await server.database
            .selectFrom('blobs')
            .select('state')
            .where('id', '=', blobId)
            .executeTakeFirst()
          return row?.state
        }),
      )
    const gc = () => administer(server, 'gc', {})
    await administer(server, 'disable', { account: idOf(dora) })
    server.clock.advance(30 * DAY_MS)
    await gc()
    server.clock.advance(30 * DAY_MS)
    await gc()
    expect(await states()).toEqual(['live', 'stored', 'condemned'])
    await administer(server, 'enable', { account: idOf(dora) })
    await gc()
    expect(await states()).toEqual(['live', 'stored', 'condemned'])
    server.clock.advance(8 * DAY_MS)
    await gc()
    expect(await states()).toEqual(['live', 'condemned', 'deleted'])
  })

  it('can be said twice', async () => {
    const account = idOf(bob)
    const say = async (operation: string) => (await administer(server, operation, { account })).result
    expect(await say('disable')).toEqual({ account, changed: true })
    expect(await say('disable')).toEqual({ account, changed: false })
    expect(await say('enable')).toEqual({ account, changed: true })
    expect(await say('enable')).toEqual({ account, changed: false })
  })
})

interface GcAnswer {
  dryRun: boolean
  jobs: { job: string; busy: boolean; done: Record<string, number> }[]
}

describe('gc', () => {
  const gc = async (input: object): Promise<GcAnswer> => (await administer(server, 'gc', input)).result
  const done = (answer: GcAnswer, name: string) => answer.jobs.find((entry) => entry.job === name)

  it('removes what a dry run said, also when nothing is due for the jobs themselves', async () => {
    server.clock.advance(20 * DAY_MS)
    await gc({})
    server.clock.advance(20 * DAY_MS)
    await gc({})
    const eve = await registerAccount(server)
    for (let i = 0; i < 3; i += 1) {
      const blob = await storeBlob(eve)
      await commit(eve, { added: [{ blobId: blob.blobId }] })
      await commit(eve, { released: [{ blobId: blob.blobId }] })
    }
    expect(done(await gc({ dryRun: true }), 'collect-blobs')?.done).toMatchObject({ deleted: 0, objects: 0 })
    server.clock.advance(8 * DAY_MS)
    const due = done(await gc({ dryRun: true }), 'collect-blobs')?.done
    expect(due).toMatchObject({ deleted: 3, objects: 3 })
    const before = await gc({ dryRun: true })
    const removed = await gc({})
    expect(done(removed, 'collect-blobs')?.done).toMatchObject(due ?? {})
    expect(done(removed, 'remove-ended')?.done.removed).toBe(done(before, 'remove-ended')?.done.removed)
    expect(done(await gc({ dryRun: true }), 'collect-blobs')?.done).toMatchObject({ deleted: 0, objects: 0 })
  })

  it('leaves a job to the server that is at it', async () => {
    await server.database
      .updateTable('jobs')
      .set({ holder: randomBytes(16), lease_ends_ms: server.clock.nowMs() + 60_000 })
      .where('name', '=', 'collect-blobs')
      .execute()
    expect(done(await gc({}), 'collect-blobs')).toEqual({ job: 'collect-blobs', busy: true, done: {} })
    server.clock.advance(120_000)
    expect(done(await gc({}), 'collect-blobs')).toMatchObject({ busy: false })
  })

  it('ends with its caller and leaves the job free', async () => {
    const gone = new AbortController()
    gone.abort()
    await expect(administer(server, 'gc', {}, { signal: gone.signal })).rejects.toThrow()
    expect(done(await gc({}), 'collect-blobs')).toMatchObject({ busy: false })
  })
})

it('works on what a server has opened', () => {
  expect(Object.values(adminDepsOf(server)).every((dep) => dep !== undefined)).toBe(true)
})
