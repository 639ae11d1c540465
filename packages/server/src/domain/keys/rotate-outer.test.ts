import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyManagement } from '../../ports/index.ts'
import { commit, logIn, registerAccount, storeBlob, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { outerKeys } from './outer-keys.ts'
import { sealOuter } from './outer-layer.ts'
import { wrapPlace } from './places.ts'
import { ensureOwnKey, finishOuterRotation, rotateOuterKey, unfinishedOuterRotations } from './rotate-outer.ts'
import { SEALED_TABLES } from './sealed-rows.ts'
import { destroyDoomedKeys } from './shred.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const deps = () => ({ ...server, outerKeys: server.outer })

async function versions(accountId: Uint8Array): Promise<number[]> {
  const rows = await server.database
    .selectFrom('outer_keys')
    .select('version')
    .where('account_id', '=', accountId)
    .orderBy('version')
    .execute()
  return rows.map((row) => row.version)
}

/** An account with files, whose wraps are to be found again after a rotation. */
async function accountWithFiles(count: number): Promise<{ account: TestAccount; blobIds: Uint8Array[] }> {
  const account = await registerAccount(server)
  const blobIds: Uint8Array[] = []
  for (let at = 0; at < count; at += 1) blobIds.push((await storeBlob(account)).blobId)
  await commit(account, { added: blobIds.map((blobId) => ({ blobId })) })
  return { account, blobIds }
}

async function opened(account: TestAccount, blobIds: readonly Uint8Array[]): Promise<string> {
  const vaultId = account.state.vaultId
  const answer = (await account.ask('blobsOpen', { body: { vaultId, blobIds: [...blobIds] } })).value()
  return Buffer.concat(answer.blobs.flatMap((blob) => blob.wraps.map((wrap) => wrap.bytes))).toString('hex')
}

describe('sealed rows', () => {
  it('are in the tables that the list names, and in no others', async () => {
    const columns = await sql<{ table_name: string }>`
      SELECT table_name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name = 'outer_version' ORDER BY 1`.execute(server.database)
    expect(columns.rows.map((row) => row.table_name)).toEqual(SEALED_TABLES.map((table) => String(table.name)).sort())
    const guarded = await sql<{ name: string }>`
      SELECT event_object_table AS name FROM information_schema.triggers
      WHERE trigger_name IN ('guard_insert', 'guard_update') AND event_object_table <> 'outer_keys'
      GROUP BY 1 HAVING count(*) = 2 ORDER BY 1`.execute(server.database)
    expect(guarded.rows.map((row) => row.name)).toEqual(columns.rows.map((row) => row.table_name))
  })
})

describe('outer-key rotation', () => {
  it('seals every row again, deletes the old key, and everything opens as before', async () => {
    const { account, blobIds } = await accountWithFiles(7)
    const before = await opened(account, blobIds)
    const accountId = account.author.accountId
    const rotation = await rotateOuterKey(deps(), accountId)
    // Two envelopes, a keyring, the half of the session and the wraps.
    expect(rotation).toEqual({ version: 2, rows: 11 })
    expect(await versions(accountId)).toEqual([2])
    server.outer.clear()
    expect(await opened(account, blobIds)).toBe(before)
    const loggedIn = await logIn(server, account.login, account.password)
    expect(loggedIn.code).toBe('ok')
    expect(Buffer.compare((await account.ask('account', {})).value().keyring, account.keyring)).toBe(0)
    expect((await rotateOuterKey(deps(), accountId)).version).toBe(3)
  })

  it('that died between any two batches is finished by the next run, with the same key', async () => {
    const { account, blobIds } = await accountWithFiles(3)
    const accountId = account.author.accountId
    const before = await opened(account, blobIds)
    let runs = 0
    for (let allowed = 0; ; allowed += 1) {
      let steps = 0
      const died = await rotateOuterKey(deps(), accountId, async () => {
        steps += 1
        if (steps > allowed) throw new Error('killed')
      }).then(
        () => false,
        () => true,
      )
      runs += 1
      server.outer.clear()
      expect(await opened(account, blobIds)).toBe(before)
      if (!died) break
      expect(await versions(accountId)).toEqual([1, 2])
      expect(await unfinishedOuterRotations(server.database, 10)).toEqual([Buffer.from(accountId)])
    }
    expect(runs).toBeGreaterThan(2)
    expect(await versions(accountId)).toEqual([2])
    expect(await unfinishedOuterRotations(server.database, 10)).toEqual([])
  })

  it('runs beside itself and beside a user who commits, and loses nothing', async () => {
    const { account, blobIds } = await accountWithFiles(5)
    const accountId = account.author.accountId
    let working = true
    const user = (async () => {
      while (working) {
        const blob = await storeBlob(account)
        await commit(account, { added: [{ blobId: blob.blobId }] })
        blobIds.push(blob.blobId)
      }
    })()
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([rotateOuterKey(deps(), accountId), rotateOuterKey(deps(), accountId)])
    }
    working = false
    await user
    server.outer.clear()
    expect((await opened(account, blobIds)).length).toBe(blobIds.length * 105 * 2)
    expect((await versions(accountId)).length).toBe(1)
  })

  it('refuses a row that a writer sealed under a key which was deleted meanwhile', async () => {
    const { account } = await accountWithFiles(1)
    const { accountId } = account.author
    const old = await server.outer.newest(accountId)
    const blob = await storeBlob(account)
    await rotateOuterKey(deps(), accountId)
    const { vaultId } = account.state
    const insert = server.database
      .insertInto('wraps')
      .values({
        vault_id: vaultId,
        blob_id: blob.blobId,
        epoch: 1,
        outer_version: old.version,
        sealed: sealOuter(server.random, old.key, wrapPlace(accountId, vaultId, 1, blob.blobId), randomBytes(105)),
      })
      .execute()
    await expect(insert).rejects.toMatchObject({ code: '40001' })
  })

  it('waits for a writer that has not committed yet, and seals its rows too', async () => {
    const { account } = await accountWithFiles(1)
    const { accountId } = account.author
    const old = await server.outer.newest(accountId)
    const blob = await storeBlob(account)
    const { vaultId } = account.state
    let commitWriter = (): void => undefined
    const held = new Promise<void>((resolve) => {
      commitWriter = resolve
    })
    let inserted = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      inserted = resolve
    })
    const place = wrapPlace(accountId, vaultId, 1, blob.blobId)
    const writer = server.database.transaction().execute(async (tx) => {
      const sealed = sealOuter(server.random, old.key, place, randomBytes(105))
      await tx
        .insertInto('wraps')
        .values({ vault_id: vaultId, blob_id: blob.blobId, epoch: 1, outer_version: old.version, sealed })
        .execute()
      inserted()
      await held
    })
    await begun
    const rotation = rotateOuterKey(deps(), accountId)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await versions(accountId)).toEqual([1, 2])
    commitWriter()
    await Promise.all([writer, rotation])
    expect(await versions(accountId)).toEqual([2])
    const row = await server.database
      .selectFrom('wraps')
      .select('outer_version')
      .where('blob_id', '=', blob.blobId)
      .executeTakeFirst()
    expect(row?.outer_version).toBe(2)
  })

  it('stops at a damaged row, and keeps the key that may still open it', async () => {
    const { account, blobIds } = await accountWithFiles(2)
    const { accountId } = account.author
    await server.database
      .updateTable('wraps')
      .set({ sealed: randomBytes(134) })
      .where('blob_id', '=', blobIds[0] ?? new Uint8Array())
      .execute()
    await expect(rotateOuterKey(deps(), accountId)).rejects.toMatchObject({ code: 'stored_data_damaged' })
    expect(await versions(accountId)).toEqual([1, 2])
  })

  it('tells who read a row just before to read it again', async () => {
    const { account } = await accountWithFiles(0)
    const { accountId } = account.author
    await rotateOuterKey(deps(), accountId)
    const other = outerKeys(server)
    await expect(other.version(accountId, 1)).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 })
    await expect(other.version(accountId, 3)).rejects.toMatchObject({ code: 'stored_data_damaged' })
  })
})

const OF_ACCOUNT = ['envelopes', 'keyrings', 'sessions', 'audit_entries', 'audit_heads', 'audit_folds']

describe('an own key of the key service', () => {
  const scopeOf = async (accountId: Uint8Array) => {
    const row = await server.database
      .selectFrom('outer_keys')
      .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
      .select(['version', 'kms_keys.id', 'kms_keys.account_id as own'])
      .where('outer_keys.account_id', '=', accountId)
      .executeTakeFirstOrThrow()
    return row
  }

  it('is made once by servers that race, with a fresh outer key under it', async () => {
    const { account, blobIds } = await accountWithFiles(2)
    const { accountId } = account.author
    const before = await opened(account, blobIds)
    const shared = await scopeOf(accountId)
    expect(shared.own).toBeNull()
    await Promise.all(Array.from({ length: 4 }, () => ensureOwnKey(deps(), accountId)))
    const own = await scopeOf(accountId)
    expect(own).toMatchObject({ version: 2, own: Buffer.from(accountId) })
    expect(own.id).not.toBe(shared.id)
    await ensureOwnKey(deps(), accountId)
    expect(await scopeOf(accountId)).toEqual(own)
    server.outer.clear()
    expect(await opened(account, blobIds)).toBe(before)
    await server.keys.disable(own.id)
    server.outer.clear()
    const frozen = await account.ask('account', {})
    expect([frozen.status, frozen.code]).toEqual([403, 'keys_frozen'])
    await server.keys.enable(own.id)
  })

  it('never gets an outer key of the shared scope: the database refuses it', async () => {
    const [ann, bob] = [await accountWithFiles(0), await accountWithFiles(0)]
    await ensureOwnKey(deps(), ann.account.author.accountId)
    const own = await scopeOf(ann.account.author.accountId)
    const move = (accountId: Uint8Array) =>
      server.database
        .updateTable('outer_keys')
        .set({ kms_key_id: own.id })
        .where('account_id', '=', accountId)
        .execute()
    await expect(move(bob.account.author.accountId)).rejects.toMatchObject({ code: '40001' })
    const shared = await scopeOf(bob.account.author.accountId)
    await expect(
      server.database
        .updateTable('outer_keys')
        .set({ kms_key_id: shared.id })
        .where('account_id', '=', ann.account.author.accountId)
        .execute(),
    ).rejects.toThrow(/never crosses scopes/)
  })

  it('that was made while its account was deleted is destroyed', async () => {
    const { account } = await accountWithFiles(0)
    const { accountId } = account.author
    const keys: KeyManagement = {
      ...server.keys,
      createKey: async (name) => {
        const id = await server.keys.createKey(name)
        // What the deletion of an account does at last; the rest of it would only be in the way here.
        await server.database.deleteFrom('outer_keys').where('account_id', '=', accountId).execute()
        await server.database.deleteFrom('accounts').where('id', '=', accountId).execute()
        return id
      },
    }
    for (const table of [...OF_ACCOUNT, 'members', 'commits', 'vaults']) {
      const owner = table === 'vaults' ? sql`owner_id = ${accountId}` : sql`account_id = ${accountId}`
      const where = table === 'commits' ? sql`vault_id = ${account.state.vaultId}` : owner
      await sql`DELETE FROM ${sql.table(table)} WHERE ${where}`.execute(server.database)
    }
    await expect(ensureOwnKey({ ...deps(), keys }, accountId)).rejects.toMatchObject({ code: 'not_found' })
    const row = await server.database
      .selectFrom('kms_keys')
      .select('state')
      .where('account_id', '=', accountId)
      .executeTakeFirst()
    expect(row?.state).toBe('doomed')
    expect((await destroyDoomedKeys(server, { accountId })).length).toBe(1)
  })

  it('stays that of an account whose outer key is rotated', async () => {
    const { account } = await accountWithFiles(1)
    const { accountId } = account.author
    await ensureOwnKey(deps(), accountId)
    const own = await scopeOf(accountId)
    await rotateOuterKey(deps(), accountId)
    expect(await scopeOf(accountId)).toEqual({ ...own, version: 3 })
    await finishOuterRotation(deps(), accountId, async () => undefined)
  })
})
