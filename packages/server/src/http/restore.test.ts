import { randomBytes } from 'node:crypto'
import { checkpointHash } from '@strongroom/vault/header'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commitVerifier } from '../domain/commits/verifier.ts'
import { authorCommit } from '../testing/author.ts'
import { collect, DAY_MS } from '../testing/collection.ts'
import {
  commit,
  type fakeWrap,
  PART_SIZE,
  registerAccount,
  storeBlob,
  type TestAccount,
} from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

interface Kept {
  readonly checkpoint?: { seq: number; epoch: number; manifest: Uint8Array }
  readonly commit: Uint8Array
  readonly wraps: ReturnType<typeof fakeWrap>[]
  readonly blobs: { blobId: Uint8Array; blobLength: number; partSize: number; digests: Uint8Array }[]
}

/** Commits a small blob, and keeps what a device would. */
async function keep(account: TestAccount): Promise<Kept> {
  const { blobId, bytes, sha256 } = await storeBlob(account)
  const { authored, wraps, value } = await commit(account, { added: [{ blobId }] })
  value()
  const blob = { blobId, blobLength: bytes.length, partSize: PART_SIZE, digests: sha256 }
  return { commit: authored.bytes, wraps, blobs: [blob] }
}

/** Sets one account's rows back to what they are now, as an older backup of the database would; objects stay. */
async function backup(account: TestAccount): Promise<() => Promise<void>> {
  const { vaultId } = account.state
  const owner = account.author.accountId
  const vault = await server.database
    .selectFrom('vaults')
    .selectAll()
    .where('id', '=', vaultId)
    .executeTakeFirstOrThrow()
  const { used_bytes } = await server.database
    .selectFrom('accounts')
    .select('used_bytes')
    .where('id', '=', owner)
    .executeTakeFirstOrThrow()
  const blobs = await server.database.selectFrom('blobs').select('id').where('owner_id', '=', owner).execute()
  const ids = blobs.map((row) => row.id)
  return async () => {
    await server.database.updateTable('vaults').set(vault).where('id', '=', vaultId).execute()
    const { database } = server
    await sql`DELETE FROM commits WHERE vault_id = ${vaultId} AND seq > ${vault.head_seq}`.execute(database)
    for (const table of ['wraps', 'blob_references']) {
      await sql`DELETE FROM ${sql.table(table)} WHERE vault_id = ${vaultId} AND NOT blob_id = ANY(${ids}::bytea[])`.execute(
        database,
      )
    }
    await sql`DELETE FROM blobs WHERE owner_id = ${owner} AND NOT id = ANY(${ids}::bytea[])`.execute(database)
    await sql`UPDATE accounts SET used_bytes = ${used_bytes} WHERE id = ${owner}`.execute(database)
  }
}

const give = (account: TestAccount, commits: readonly Kept[], vaultId = account.state.vaultId) =>
  account.ask('vaultRestore', { params: { vaultId }, body: { commits: [...commits] } })

async function blobRow(kept: Kept) {
  const id = kept.blobs[0]?.blobId ?? new Uint8Array(16)
  return server.database.selectFrom('blobs').selectAll().where('id', '=', id).executeTakeFirst()
}

async function usedBytes(account: TestAccount): Promise<number> {
  return (await account.ask('account', {})).value().usedBytes
}

const opened = (account: TestAccount, kept: Kept) =>
  account.ask('blobsOpen', {
    body: { vaultId: account.state.vaultId, blobIds: kept.blobs.map((blob) => blob.blobId) },
  })

describe('restore', () => {
  it('gives back commits, rows, keys and charges, once, however often and from however many sides it is asked', async () => {
    const ann = await registerAccount(server)
    await keep(ann)
    const setBack = await backup(ann)
    const kept = [await keep(ann), await keep(ann), await keep(ann)]
    const used = await usedBytes(ann)
    await setBack()
    expect(await usedBytes(ann)).toBeLessThan(used)
    const answers = await Promise.all([give(ann, kept), give(ann, kept), give(ann, kept.slice(0, 2))])
    for (const answer of answers.slice(0, 2)) expect(answer.value()).toEqual({ head: ann.state.head, lost: 0 })
    expect((await give(ann, kept)).value()).toEqual({ head: ann.state.head, lost: 0 })
    expect(await usedBytes(ann)).toBe(used)
    for (const one of kept) {
      const { blobs } = (await opened(ann, one)).value()
      expect(blobs[0]?.wraps).toEqual(one.wraps)
      expect(blobs[0]?.digests).toEqual(one.blobs[0]?.digests)
    }
    expect((await commit(ann)).code).toBe('ok')
  })

  it('calls lost what has no object, no right digest list or no key, keeps objects, and takes what is brought later', async () => {
    const ann = await registerAccount(server)
    const setBack = await backup(ann)
    const [gone, wrong, bare, keyless] = [await keep(ann), await keep(ann), await keep(ann), await keep(ann)]
    const used = await usedBytes(ann)
    await setBack()
    await server.store.delete(gone.blobs[0]?.blobId ?? new Uint8Array(16))
    const forged = wrong.blobs.map((blob) => ({ ...blob, digests: new Uint8Array(randomBytes(32)) }))
    const poor = [gone, { ...wrong, blobs: forged }, { ...bare, blobs: [] }, { ...keyless, wraps: [] }]
    expect((await give(ann, poor)).value()).toEqual({ head: ann.state.head, lost: 4 })
    for (const one of [gone, wrong, bare]) {
      expect(await blobRow(one)).toMatchObject({ state: 'lost', charged_bytes: 0, reference_count: 1 })
      expect((await opened(ann, one)).code).toBe('not_found')
    }
    for (let day = 0; day < 40; day += 1) {
      server.clock.advance(DAY_MS)
      await collect(server)
      if (day % 20 === 0) await ann.ask('account', {})
    }
    expect((await give(ann, [gone, wrong, bare, keyless])).value().lost).toBe(1)
    for (const one of [wrong, bare, keyless]) expect((await opened(ann, one)).code).toBe('ok')
    expect(await usedBytes(ann)).toBe(used - (gone.blobs[0]?.blobLength ?? 0))
    const released = gone.blobs.map(({ blobId }) => ({ blobId }))
    expect((await commit(ann, { added: released, wraps: gone.wraps })).code).toBe('blob_gone')
    expect((await commit(ann, { released })).code).toBe('ok')
    expect(await blobRow(gone)).toMatchObject({ state: 'deleted', reference_count: 0 })
    expect((await give(ann, [])).value().lost).toBe(0)
  })

  it('is for owners of the vault alone, who may bring what others have signed', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const setBack = await backup(ann)
    const kept = await keep(ann)
    await setBack()
    const { vaultId } = ann.state
    expect((await give(bob, [kept], vaultId)).code).toBe('not_found')
    const member = { vault_id: vaultId, account_id: bob.author.accountId, state: 'active' as const }
    await server.database
      .insertInto('members')
      .values({ ...member, role: 'writer' })
      .execute()
    expect((await give(bob, [kept], vaultId)).code).toBe('forbidden')
    await sql`UPDATE members SET role = 'owner' WHERE account_id = ${member.account_id}`.execute(server.database)
    expect((await give(bob, [kept], vaultId)).value()).toEqual({ head: ann.state.head, lost: 0 })
    expect((await blobRow(kept))?.owner_id).toEqual(Buffer.from(ann.author.accountId))
  })

  it('takes nothing that was changed, is out of order or belongs to another history', async () => {
    const ann = await registerAccount(server)
    const setBack = await backup(ann)
    const [first, second] = [await keep(ann), await keep(ann)]
    await setBack()
    const changed = first.commit.slice()
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1
    expect((await give(ann, [{ ...first, commit: changed }])).code).toBe('commit_rejected')
    expect((await give(ann, [second])).code).toBe('head_moved')
    expect((await give(ann, [{ ...first, wraps: second.wraps }])).code).toBe('commit_rejected')
    expect((await give(ann, [first])).code).toBe('ok')
    const fork = await registerAccount(server)
    expect((await give(fork, [first])).code).toBe('bad_request')
    const [head] = await server.database
      .selectFrom('commits')
      .select('seq')
      .where('vault_id', '=', ann.state.vaultId)
      .orderBy('seq', 'desc')
      .execute()
    expect(head?.seq).toBe(1)
  })

  it('gives back the newest checkpoint, and does without those before it', async () => {
    const ann = await registerAccount(server)
    const setBack = await backup(ann)
    const kept: Kept[] = []
    for (const wanted of [false, true]) {
      const manifest = new Uint8Array(randomBytes(600))
      const hash = await checkpointHash(commitVerifier.hasher, manifest)
      const authored = await authorCommit(ann.author, ann.state, { checkpointHash: hash })
      const checkpoint = { seq: ann.state.head?.seq ?? 0, epoch: 1, manifest }
      const body = { commit: authored.bytes, wraps: [], checkpoint }
      expect((await ann.ask('commitAppend', { params: { vaultId: ann.state.vaultId }, body })).code).toBe('ok')
      ann.state = authored.next
      kept.push({ commit: authored.bytes, wraps: [], blobs: [], ...(wanted ? { checkpoint } : {}) })
    }
    const read = async () => (await ann.ask('checkpointRead', { params: { vaultId: ann.state.vaultId } })).value()
    const before = await read()
    await setBack()
    await server.database.deleteFrom('checkpoints').where('vault_id', '=', ann.state.vaultId).execute()
    expect((await give(ann, kept)).code).toBe('ok')
    expect(await read()).toEqual(before)
  })

  it('refuses a blob whose object is being deleted, and takes it as lost afterwards', async () => {
    const ann = await registerAccount(server)
    const setBack = await backup(ann)
    const kept = await keep(ann)
    await setBack()
    const blobId = kept.blobs[0]?.blobId ?? new Uint8Array(16)
    const orphan = { blob_id: blobId, upload_id: '', seen_ms: 0, last_seen_ms: 0, doomed: true }
    await server.database.insertInto('orphans').values(orphan).execute()
    expect((await give(ann, [kept])).code).toBe('blob_gone')
    await server.database.deleteFrom('orphans').where('blob_id', '=', blobId).execute()
    await server.store.delete(blobId)
    expect((await give(ann, [kept])).value().lost).toBe(1)
  })

  it('takes a keyring that is newer than its own, and no older one', async () => {
    const ann = await registerAccount(server)
    const keyring = async (version: number) => {
      const sealed = new Uint8Array(randomBytes(600))
      const body = { commits: [], keyring: { version, sealed } }
      expect((await ann.ask('vaultRestore', { params: { vaultId: ann.state.vaultId }, body })).code).toBe('ok')
      const answer = (await ann.ask('account', {})).value()
      return [answer.keyringVersion, Buffer.compare(answer.keyring, sealed) === 0]
    }
    expect(await keyring(1)).toEqual([1, false])
    expect(await keyring(3)).toEqual([3, true])
    expect(await keyring(2)).toEqual([3, false])
  })
})
