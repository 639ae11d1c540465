import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Receipt, verifyReceipt } from '@strongroom/crypto/envelope'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeyManagement, KeyManagementError } from '../../ports/index.ts'
import { administer } from '../../testing/admin.ts'
import { ask } from '../../testing/api.ts'
import { collect, stateOf } from '../../testing/collection.ts'
import { commit, logIn, registerAccount, startLogin, storeBlob, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { hex } from '../bytes.ts'
import { commitVerifier } from '../commits/verifier.ts'
import { rotateKmsKey } from '../keys/kms-rotation.ts'
import { destroyRetiredKeys } from '../keys/kms-status.ts'
import { ensureOwnKey } from '../keys/rotate-outer.ts'
import { destroyDoomedKeys } from '../keys/shred.ts'
import { clearDeleted } from './clear-deleted.ts'
import { deleteAccount } from './delete-account.ts'
import { issueReceipts } from './receipts.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const lease = { step: async () => undefined }
const rotation = { ...lease, pause: async () => undefined, perSecond: 1e6 }

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const hashOf = (secret: Uint8Array) => new Uint8Array(createHash('sha256').update(secret).digest())

/** An account with a file of which the server holds blob, wrap and commit. */
async function accountWithFile(input: { login?: string } = {}) {
  const account = await registerAccount(server, input)
  const { blobId } = await storeBlob(account)
  expect((await commit(account, { added: [{ blobId, count: 1, sourceVault: null }] })).code).toBe('ok')
  return { account, blobId, secret: new Uint8Array(randomBytes(32)) }
}

async function proofOf(account: TestAccount, password = account.password) {
  const { loginId, finishLoginRequest } = await startLogin(server, account.login, password)
  return { loginId, request: finishLoginRequest ?? randomBytes(64).toString('base64url') }
}

async function requestDeletion(account: TestAccount, secret: Uint8Array, changes: { confirmation?: string } = {}) {
  const body = { proof: await proofOf(account), confirmation: account.login, receiptSecretHash: hashOf(secret) }
  return account.ask('accountDelete', { body: { ...body, ...changes } })
}

async function readReceipt(secret: Uint8Array): Promise<Receipt | null> {
  const { receipt } = (await ask(server.app, 'receiptRead', { body: { secret } })).value()
  return receipt === null ? null : verified(receipt)
}

function verified(bytes: Uint8Array): Promise<Receipt> {
  return verifyReceipt(commitVerifier.verifier, bytes, server.setup.receiptPublicKey)
}

/** Tables that have rows which name the account or its vault, with their number. */
async function traces(account: TestAccount): Promise<Record<string, number>> {
  const columns = await sql<{ table: string; column: string }>`
    SELECT c.table_name AS table, c.column_name AS column FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = 'bytea'
      AND column_name IN ('id', 'account_id', 'owner_id', 'vault_id')`.execute(server.database)
  const found: Record<string, number> = {}
  for (const { table, column } of columns.rows) {
    const ids = [account.author.accountId, account.state.vaultId]
    const rows = await sql<{ count: number }>`
      SELECT count(*) AS count FROM ${sql.table(table)} WHERE ${sql.ref(column)} = ANY(${ids}::bytea[])`.execute(
      server.database,
    )
    const count = rows.rows[0]?.count ?? 0
    if (count > 0) found[table] = (found[table] ?? 0) + count
  }
  return found
}

describe('the deletion of an account', () => {
  it('ends sessions and login at once, frees the login name, and answers with a receipt', async () => {
    const { account, secret } = await accountWithFile()
    await logIn(server, account.login, account.password)
    const answer = (await requestDeletion(account, secret)).value()
    const receipt = await verified(answer.receipt ?? new Uint8Array())
    expect(receipt).toMatchObject({ scope: 'shared', noiseFromMs: null, outerKeys: 1, sessions: 2, vaults: 1 })
    expect(receipt).toMatchObject({ accountId: account.author.accountId, commits: 2, blobs: 1, bytes: 600 })
    expect((await account.ask('account', {})).code).toBe('session_expired')
    expect((await logIn(server, account.login, account.password)).code).toBe('login_failed')
    const next = await registerAccount(server, { login: account.login })
    expect((await next.ask('account', {})).value().usedBytes).toBe(0)
    expect((await next.ask('auditRead', {})).value().entries.map((entry) => entry.event)).toEqual(['registered'])
  })

  it('leaves its tombstone and the ids of blobs, once what is noise was cleared away', async () => {
    const { account, blobId, secret } = await accountWithFile()
    const unfinished = new Uint8Array(randomBytes(16))
    await account.ask('blobsReserve', {
      body: { blobs: [{ blobId: unfinished, blobLength: 100, partSize: 8 * 1024 * 1024 }] },
    })
    ;(await requestDeletion(account, secret)).value()
    expect(Object.keys(await traces(account)).sort()).toEqual(
      ['blob_references', 'blobs', 'commits', 'deletions', 'vaults', 'wraps'].sort(),
    )
    expect(await clearDeleted(server, lease)).toBeGreaterThan(0)
    expect(await traces(account)).toEqual({ blobs: 2, deletions: 1 })
    expect(await stateOf(server, blobId)).toBe('condemned')
    server.clock.advance(8 * DAY_MS)
    expect((await collect(server)).failed).toBe(0)
    expect([await stateOf(server, blobId), await stateOf(server, unfinished)]).toEqual(['deleted', 'deleted'])
    expect(await server.store.stat(blobId)).toBeNull()
    const { result } = await administer(server, 'disclose', { account: hex(account.author.accountId), full: false })
    const { rows } = result as { rows: Record<string, number> }
    expect(Object.entries(rows).filter(([, count]) => count > 0)).toEqual([
      ['deletions', 1],
      ['blobs', 2],
    ])
    await expect(administer(server, 'users', { account: account.login })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('wants the password, and the login name again', async () => {
    const { account, secret } = await accountWithFile()
    const wrong = await requestDeletion(account, secret, { confirmation: `${account.login}x` })
    expect([wrong.code, wrong.details]).toEqual(['bad_request', { path: 'confirmation' }])
    const proof = await proofOf(account, 'wrong')
    const body = { proof, confirmation: account.login, receiptSecretHash: hashOf(secret) }
    expect((await account.ask('accountDelete', { body })).code).toBe('login_failed')
    const bob = await registerAccount(server)
    const foreign = { ...body, proof: await proofOf(bob) }
    expect((await account.ask('accountDelete', { body: foreign })).code).toBe('login_failed')
    expect((await ask(server.app, 'receiptRead', { body: { secret } })).code).toBe('not_found')
    expect((await account.ask('account', {})).code).toBe('ok')
  })

  it('is refused while others use a vault of the account', async () => {
    const { account, secret } = await accountWithFile()
    const member = {
      vault_id: account.state.vaultId,
      account_id: randomBytes(16),
      role: 'reader',
      state: 'active',
    } as const
    await server.database.insertInto('members').values(member).execute()
    expect((await requestDeletion(account, secret)).code).toBe('vaults_shared')
    expect((await account.ask('account', {})).code).toBe('ok')
  })

  it('happens whole or not at all', async () => {
    const { account, secret } = await accountWithFile()
    await sql`ALTER TABLE deletions ADD CONSTRAINT refused CHECK (deleted_ms < 0) NOT VALID`.execute(server.database)
    const answer = await requestDeletion(account, secret)
    await sql`ALTER TABLE deletions DROP CONSTRAINT refused`.execute(server.database)
    expect(answer.status).toBe(500)
    server.outer.clear()
    expect((await account.ask('account', {})).code).toBe('ok')
    expect((await commit(account, {})).code).toBe('ok')
    expect((await requestDeletion(account, secret)).code).toBe('ok')
  })

  it('of twice the same account at once is done once', async () => {
    const { account, secret } = await accountWithFile()
    const proofs = [await proofOf(account), await proofOf(account)]
    const body = { confirmation: account.login, receiptSecretHash: hashOf(secret) }
    const answers = await Promise.all(proofs.map((proof) => account.ask('accountDelete', { body: { ...body, proof } })))
    expect(answers.map((answer) => answer.code).sort()).toEqual(['ok', expect.stringMatching(/failed|expired|bad_/)])
    expect(await readReceipt(secret)).toMatchObject({ accountId: account.author.accountId })
  })

  it('beside uploads and commits under way leaves nothing of them behind', async () => {
    const { account, secret } = await accountWithFile()
    const work = async () => {
      for (let i = 0; i < 5; i += 1) {
        const bytes = new Uint8Array(randomBytes(600))
        const part = { sha256: hashOf(bytes), bytes }
        const blobId = new Uint8Array(randomBytes(16))
        const blobs = [{ blobId, blobLength: bytes.length, partSize: 8 * 1024 * 1024, part }]
        const answer = await account.ask('blobsReserve', { body: { blobs } })
        if (answer.code !== 'ok') return answer.code
        const committed = await commit(account, { added: [{ blobId, count: 1, sourceVault: null }] })
        if (committed.code !== 'ok') return committed.code
      }
      return 'ok'
    }
    const [codes, deleted] = await Promise.all([work(), requestDeletion(account, secret)])
    expect(deleted.code).toBe('ok')
    expect(['ok', 'session_expired', 'not_found', 'unavailable']).toContain(codes)
    await clearDeleted(server, lease)
    expect(Object.keys(await traces(account)).sort()).toEqual(['blobs', 'deletions'])
    const alive = await server.database
      .selectFrom('blobs')
      .select('state')
      .where('owner_id', '=', account.author.accountId)
      .where('state', 'not in', ['condemned', 'reserved'])
      .execute()
    expect(alive).toEqual([])
  })

  it('lets nobody take its account id again', async () => {
    const { account, secret } = await accountWithFile()
    ;(await requestDeletion(account, secret)).value()
    const { prepareRegistration } = await import('../../testing/test-account.ts')
    const { body } = await prepareRegistration(server, { login: account.login, password: 'x' })
    const reused = {
      ...body,
      accountId: account.author.accountId,
      card: account.author.card.bytes,
      genesis: account.genesis,
    }
    expect((await ask(server.app, 'registerFinish', { body: reused })).code).toBe('account_exists')
  })
})

describe('the receipt', () => {
  it('waits for the key service and is given to whoever has the secret', async () => {
    const { account, secret } = await accountWithFile()
    await ensureOwnKey({ ...server, outerKeys: server.outer }, account.author.accountId)
    const down = async () => Promise.reject(new KeyManagementError('unavailable', 'down'))
    const keys: KeyManagement = { ...server.keys, scheduleDestruction: down }
    const session = await sessionOf(account)
    const input = { proof: await proofOf(account), confirmation: account.login, receiptSecretHash: hashOf(secret) }
    expect(await deleteAccount({ ...server, keys }, session, input)).toBeNull()
    expect(await readReceipt(secret)).toBeNull()
    expect((await account.ask('account', {})).code).toBe('session_expired')
    await destroyDoomedKeys(server)
    expect(await issueReceipts(server, lease)).toBeGreaterThan(0)
    const receipt = await readReceipt(secret)
    expect(receipt?.scope).toBe('per-user')
    expect(receipt?.noiseFromMs).toBeGreaterThan(server.clock.nowMs() + 6 * DAY_MS)
    const stranger = await ask(server.app, 'receiptRead', { body: { secret: new Uint8Array(randomBytes(32)) } })
    expect(stranger.code).toBe('not_found')
  })

  it('stays the same when it is asked for again', async () => {
    const { account, secret } = await accountWithFile()
    const { receipt } = (await requestDeletion(account, secret)).value()
    server.clock.advance(1000)
    const again = (await ask(server.app, 'receiptRead', { body: { secret } })).value()
    expect(again.receipt).toEqual(receipt)
  })
})

async function sessionOf(account: TestAccount) {
  const row = await server.database
    .selectFrom('sessions')
    .select('id')
    .where('account_id', '=', account.author.accountId)
    .executeTakeFirstOrThrow()
  return { id: row.id, accountId: account.author.accountId }
}

// A backup of the database as an operator has one: every table as it was, and put back whole.
async function backUp(): Promise<void> {
  await sql`DROP SCHEMA IF EXISTS backup CASCADE`.execute(server.database)
  await sql`CREATE SCHEMA backup`.execute(server.database)
  for (const table of await allTables()) {
    await sql`CREATE TABLE ${sql.table(`backup.${table}`)} AS TABLE ${sql.table(`public.${table}`)}`.execute(
      server.database,
    )
  }
}

async function restore(): Promise<void> {
  await server.database.transaction().execute(async (tx) => {
    await sql`SET LOCAL session_replication_role = replica`.execute(tx)
    for (const table of await allTables()) {
      await sql`DELETE FROM ${sql.table(`public.${table}`)}`.execute(tx)
      const id = table === 'kms_rotations' ? sql`OVERRIDING SYSTEM VALUE` : sql``
      await sql`INSERT INTO ${sql.table(`public.${table}`)} ${id} TABLE ${sql.table(`backup.${table}`)}`.execute(tx)
    }
  })
  server.outer.clear()
}

async function allTables(): Promise<string[]> {
  const rows = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(server.database)
  return rows.rows.map((row) => row.name)
}

/** What the password and a new session get of the account's keys and contents. */
async function whatOpens(account: TestAccount, blobId: Uint8Array): Promise<boolean[]> {
  server.outer.clear()
  const login = await logIn(server, account.login, account.password)
  if (login.code !== 'ok') return [false]
  const answer = login.value()
  const token = 'token' in answer ? answer.token : undefined
  const opened = await ask(server.app, 'blobsOpen', {
    token,
    body: { vaultId: account.state.vaultId, blobIds: [blobId] },
  })
  return [true, opened.code === 'ok']
}

const OPENS = [true, true]
const CLOSED = [false]

/** What who runs the key service could do until a key is destroyed: take the destruction back. */
async function takeDestructionBack(): Promise<void> {
  const file = path.join(server.folder, 'keys.json')
  const ring = JSON.parse(await readFile(file, 'utf8'))
  for (const key of ring.keys) if (key.state === 'pending_destruction') key.state = 'enabled'
  await writeFile(file, JSON.stringify(ring))
}

/** Moves the clock and lets the key service destroy what is due by then. */
async function advanceTo(timeMs: number): Promise<void> {
  server.clock.advance(timeMs - server.clock.nowMs())
  await server.keys.check()
  await server.keys.keyState(await server.keys.currentKeyId())
}

/** Whether the copy opens before and from `noiseFromMs` on, in spite of whoever takes the destruction back. */
async function expectNoiseFrom(noiseFromMs: number, file: { account: TestAccount; blobId: Uint8Array }): Promise<void> {
  const keysFile = path.join(server.folder, 'keys.json')
  const pending = await readFile(keysFile)
  await advanceTo(noiseFromMs - 1000)
  expect(await whatOpens(file.account, file.blobId)).toEqual(CLOSED)
  await takeDestructionBack()
  expect(await whatOpens(file.account, file.blobId)).toEqual(OPENS)
  await writeFile(keysFile, pending)
  await advanceTo(noiseFromMs)
  expect(await whatOpens(file.account, file.blobId)).toEqual(CLOSED)
  await takeDestructionBack()
  expect(await whatOpens(file.account, file.blobId)).toEqual(CLOSED)
}

describe('a backup of the database, taken before and put back after a deletion', () => {
  it('opens nothing from the moment that the receipt names, and did before: a key for each account', async () => {
    const [file, other] = [await accountWithFile(), await accountWithFile()]
    await ensureOwnKey({ ...server, outerKeys: server.outer }, file.account.author.accountId)
    await backUp()
    await restore()
    expect(await whatOpens(file.account, file.blobId)).toEqual(OPENS)
    const { receipt } = (await requestDeletion(file.account, file.secret)).value()
    const { noiseFromMs } = await verified(receipt ?? new Uint8Array())
    await restore()
    await expectNoiseFrom(noiseFromMs ?? 0, file)
    expect(await whatOpens(other.account, other.blobId)).toEqual(OPENS)
  })

  it('opens nothing from the moment that the receipt names, and did before: a shared key', async () => {
    const [file, other] = [await accountWithFile(), await accountWithFile()]
    await backUp()
    const { receipt } = (await requestDeletion(file.account, file.secret)).value()
    expect((await verified(receipt ?? new Uint8Array())).noiseFromMs).toBeNull()
    await rotateKmsKey(server, rotation)
    expect((await readReceipt(file.secret))?.noiseFromMs).toBeNull()
    await destroyRetiredKeys(server, 7)
    await issueReceipts(server, lease)
    const later = await readReceipt(file.secret)
    expect(await whatOpens(other.account, other.blobId)).toEqual(OPENS)
    await restore()
    await expectNoiseFrom(later?.noiseFromMs ?? 0, file)
  })
})
