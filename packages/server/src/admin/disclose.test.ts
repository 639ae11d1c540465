import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hex } from '../domain/bytes.ts'
import { DISCLOSED_TABLES, NOT_OF_ACCOUNTS } from '../domain/operators/disclosed-tables.ts'
import { administer } from '../testing/admin.ts'
import { ask } from '../testing/api.ts'
import { commit, logIn, registerAccount, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

const PASSWORD = 'the canary password of ann'

let server: TestServer
let ann: TestAccount
let bob: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server, { login: 'canary-name@example.org', password: PASSWORD })
  bob = await registerAccount(server)
  for (const account of [ann, bob]) {
    const blob = await storeBlob(account)
    await commit(account, { added: [{ blobId: blob.blobId }] })
    await storeBlob(account)
  }
  await logIn(server, ann.login, 'wrong')
})
afterAll(() => server.close())

interface Item {
  table: string
  row: Record<string, unknown>
}

async function disclosed(account: string, full = false): Promise<{ items: Item[]; rows: Record<string, number> }> {
  const { items, result } = await administer(server, 'disclose', { account, full })
  return { items: items as unknown as Item[], rows: (result as { rows: Record<string, number> }).rows }
}

const rowsOf = (items: readonly Item[], table: string) => items.filter((item) => item.table === table)

describe('disclose', () => {
  it('knows every table of the database, and why it leaves some out', async () => {
    const tables = await sql<{ name: string }>`
      SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`.execute(server.database)
    const known = [...Object.keys(DISCLOSED_TABLES), ...Object.keys(NOT_OF_ACCOUNTS)]
    expect(known.sort()).toEqual(tables.rows.map((row) => row.name).sort())
  })

  it('leaves out no table that refers to accounts, vaults or blobs', async () => {
    const referring = await sql<{ name: string }>`
      SELECT DISTINCT table_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name ~ '(account|owner|vault|session|device)_id|^login'
      UNION
      SELECT conrelid::regclass::text FROM pg_constraint
      WHERE contype = 'f' AND confrelid::regclass::text IN ('accounts', 'vaults', 'sessions')`.execute(server.database)
    const names = referring.rows.map((row) => row.name)
    expect(names).toContain('wraps')
    for (const name of names) expect(Object.keys(DISCLOSED_TABLES), name).toContain(name)
  })

  it('shows every column of every row that it shows', async () => {
    const { items, rows } = await disclosed(hex(ann.author.accountId))
    const columns = await sql<{ table: string; name: string }>`
      SELECT table_name AS table, column_name AS name FROM information_schema.columns
      WHERE table_schema = 'public'`.execute(server.database)
    for (const { table, row } of items) {
      const expected = columns.rows.filter((column) => column.table === table).map((column) => column.name)
      expect(Object.keys(row).sort(), table).toEqual(expected.sort())
    }
    expect(Object.keys(rows)).toEqual(Object.keys(DISCLOSED_TABLES))
    for (const [table, count] of Object.entries(rows)) expect(rowsOf(items, table).length, table).toBe(count)
  })

  it('shows the rows of the account, all of them, and nobody else’s', async () => {
    const { items } = await disclosed(ann.login)
    const counts = Object.fromEntries(
      Object.keys(DISCLOSED_TABLES).map((table) => [table, rowsOf(items, table).length]),
    )
    expect(counts).toMatchObject({
      accounts: 1,
      outer_keys: 1,
      envelopes: 2,
      keyrings: 1,
      sessions: 1,
      session_halves: 1,
      vaults: 1,
      members: 1,
      commits: 2,
      blobs: 2,
      blob_references: 1,
      wraps: 1,
      rate_limits: 1,
    })
    const text = JSON.stringify(items)
    expect(text).toContain(hex(ann.author.accountId))
    expect(text).not.toContain(hex(bob.author.accountId))
    for (const { row } of rowsOf(items, 'blobs')) {
      expect(row).toMatchObject({ owner_id: hex(ann.author.accountId), length: 600 })
      expect(row.digests).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    }
  })

  it('holds no name, no password and no token, in full neither', async () => {
    for (const full of [false, true]) {
      const { items } = await disclosed(ann.login, full)
      const text = JSON.stringify(items)
      for (const secret of ['canary', 'password of ann']) expect(text).not.toContain(secret)
      for (const bytes of [ann.token, ann.passwordEnvelope, ann.keyring]) {
        expect(text).not.toContain(hex(bytes))
        expect(text).not.toContain(Buffer.from(bytes).toString('base64url'))
      }
      const [keyring] = rowsOf(items, 'keyrings')
      if (full) expect(keyring?.row.sealed).toMatch(/^[\w-]{800,}$/)
      else expect(keyring?.row.sealed).toEqual({ bytes: 629 })
    }
  })

  it('is written into the account’s own audit log before anything is shown, also when nobody waits for the end', async () => {
    const entries = async () =>
      rowsOf((await disclosed(ann.login)).items, 'audit_entries').map((item) => item.row.event)
    const before = (await entries()).filter((event) => event === 'disclosed').length
    const gone = new AbortController()
    const options = { signal: gone.signal, onItem: () => gone.abort() }
    await expect(administer(server, 'disclose', { account: ann.login }, options)).rejects.toThrow()
    // The one that was broken off, and the one that counts.
    expect((await entries()).filter((event) => event === 'disclosed').length).toBe(before + 2)
    const log = await ask(server.app, 'auditRead', { token: ann.token, query: { from: 1 } as never })
    expect(JSON.stringify(log.value())).toContain('disclosed')
  })

  it('refuses an account that is not there', async () => {
    await expect(disclosed(hex(randomBytes(16)))).rejects.toMatchObject({ code: 'not_found' })
  })
})
