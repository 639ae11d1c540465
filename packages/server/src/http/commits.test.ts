import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuthoredCommit, authorCommit } from '../testing/author.ts'
import {
  commit,
  fakeWrap,
  PART_SIZE,
  randomId,
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

function append(account: TestAccount, authored: AuthoredCommit, wraps: ReturnType<typeof fakeWrap>[] = []) {
  const params = { vaultId: account.state.vaultId }
  return account.ask('commitAppend', { params, body: { commit: authored.bytes, wraps } })
}

describe('appending commits', () => {
  it('moves the head and keeps the bytes as they were', async () => {
    const ann = await registerAccount(server)
    const first = await commit(ann)
    expect(first.value()).toEqual(first.authored.next.head)
    const second = await commit(ann)
    const params = { vaultId: ann.state.vaultId }
    expect((await ann.ask('vaultHead', { params })).value()).toEqual(ann.state.head)
    const read = (await ann.ask('commitsRead', { params, query: { from: 0 } })).value()
    expect(read.head).toEqual(ann.state.head)
    expect(read.commits).toEqual([ann.genesis, first.authored.bytes, second.authored.bytes])
    expect((await ann.ask('commitsRead', { params, query: { from: 2 } })).value().commits.length).toBe(1)
    expect((await ann.ask('commitsRead', { params, query: { from: 3 } })).value().commits).toEqual([])
    expect((await ann.ask('commitsRead', { params, query: { from: 0, limit: 2 } })).value().commits.length).toBe(2)
  })

  it('lets exactly one of many racing commits win', async () => {
    const ann = await registerAccount(server)
    const rivals = await Promise.all(Array.from({ length: 12 }, () => authorCommit(ann.author, ann.state)))
    const answers = await Promise.all(rivals.map((rival) => append(ann, rival)))
    expect(answers.filter((answer) => answer.code === 'ok').length).toBe(1)
    expect(answers.filter((answer) => answer.code === 'head_moved').length).toBe(11)
    const rows = await server.database
      .selectFrom('commits')
      .select('seq')
      .where('vault_id', '=', ann.state.vaultId)
      .execute()
    expect(rows.length).toBe(2)
  })

  it('gives the original answer to identical bytes, at once and much later', async () => {
    const ann = await registerAccount(server)
    const { blobId } = await storeBlob(ann)
    const authored = await authorCommit(ann.author, ann.state, { added: [{ blobId }] })
    const wraps = [fakeWrap(blobId)]
    const together = await Promise.all(Array.from({ length: 6 }, () => append(ann, authored, wraps)))
    for (const answer of together) expect(answer.value()).toEqual(authored.next.head)
    ann.state = authored.next
    await commit(ann)
    await commit(ann)
    expect((await append(ann, authored, wraps)).value()).toEqual(authored.next.head)
    const references = server.database.selectFrom('blob_references').select('count').where('blob_id', '=', blobId)
    expect(await references.execute()).toEqual([{ count: 1 }])
  })

  it('refuses a stored header with another signature, section or body', async () => {
    const ann = await registerAccount(server)
    const { authored } = await commit(ann)
    await commit(ann)
    const bodyEnd = authored.bytes.length - 1
    for (const offset of [276, 276 + 64, bodyEnd]) {
      const bytes = authored.bytes.slice()
      bytes[offset] = (bytes[offset] ?? 0) ^ 1
      const answer = await append(ann, { ...authored, bytes })
      expect([answer.code, answer.details]).toEqual(['commit_rejected', { reason: 'differs_from_stored' }])
    }
    expect((await append(ann, authored)).value()).toEqual(authored.next.head)
  })

  it('refuses another commit at a place that is taken, and one beyond the head', async () => {
    const ann = await registerAccount(server)
    const rival = await authorCommit(ann.author, ann.state)
    await commit(ann)
    const taken = await append(ann, rival)
    expect([taken.status, taken.code, taken.details]).toEqual([409, 'head_moved', { seq: 1 }])
    const skipped = await authorCommit(ann.author, { ...ann.state, head: { seq: 5, hash: new Uint8Array(32) } })
    expect((await append(ann, skipped)).code).toBe('head_moved')
  })

  it('refuses bytes changed anywhere', async () => {
    const ann = await registerAccount(server)
    const { bytes, next } = await authorCommit(ann.author, ann.state)
    for (let at = 0; at < bytes.length; at += 41) {
      const changed = Uint8Array.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      const answer = await append(ann, { bytes: changed, next })
      expect(answer.status, `byte ${at}: ${answer.code}`).toBeGreaterThanOrEqual(400)
      expect(answer.status, `byte ${at}: ${answer.code}`).toBeLessThan(500)
    }
    for (const length of [1, 275, 276, 340, bytes.length - 1]) {
      const cut = await append(ann, { bytes: bytes.subarray(0, length), next })
      expect(cut.code, `length ${length}`).toBe('commit_rejected')
    }
    expect((await append(ann, { bytes, next })).code).toBe('ok')
  })

  it('refuses a stranger, and another author than the session, whatever was stolen', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const authored = await authorCommit(ann.author, ann.state)
    const params = { vaultId: ann.state.vaultId }
    const body = { commit: authored.bytes, wraps: [] }
    expect((await bob.ask('commitAppend', { params, body })).code).toBe('not_found')
    expect((await bob.ask('vaultHead', { params })).code).toBe('not_found')
    expect((await bob.ask('commitsRead', { params, query: { from: 0 } })).code).toBe('not_found')
    const forged = await authorCommit({ ...ann.author, accountId: bob.author.accountId }, ann.state)
    expect((await append(ann, forged)).code).toBe('forbidden')
    const wrongKey = await authorCommit({ ...ann.author, seed: bob.author.seed }, ann.state)
    const refused = await append(ann, wrongKey)
    expect([refused.status, refused.code, refused.details.reason]).toEqual([
      422,
      'commit_rejected',
      'signature_invalid',
    ])
    const elsewhere = await bob.ask('commitAppend', { params: { vaultId: bob.state.vaultId }, body })
    expect(elsewhere.code).toBe('bad_request')
    expect((await append(ann, authored)).code).toBe('ok')
  })

  it('gives pages of about four MiB', async () => {
    const ann = await registerAccount(server)
    const bodyLength = 57 + 700_000 + 43 * 16
    for (let times = 0; times < 8; times += 1) (await commit(ann, { bodyLength })).value()
    const params = { vaultId: ann.state.vaultId }
    const seen: Uint8Array[] = []
    for (let pages = 0; seen.length < 9; pages += 1) {
      expect(pages).toBeLessThan(4)
      const { commits } = (await ann.ask('commitsRead', { params, query: { from: seen.length } })).value()
      expect(commits.length).toBeGreaterThan(0)
      expect(commits.reduce((sum, bytes) => sum + bytes.length, 0)).toBeLessThan(5 * 1024 * 1024)
      seen.push(...commits)
    }
    expect(seen.length).toBe(9)
  })
})

describe('references of commits', () => {
  it('are refused for blobs that are not complete, not known or deleted', async () => {
    const ann = await registerAccount(server)
    const reserved = randomId()
    ;(
      await ann.ask('blobsReserve', { body: { blobs: [{ blobId: reserved, blobLength: 600, partSize: PART_SIZE }] } })
    ).value()
    expect((await commit(ann, { added: [{ blobId: reserved }] })).code).toBe('blob_not_ready')
    expect((await commit(ann, { added: [{ blobId: randomId() }] })).code).toBe('blob_gone')
    const { blobId } = await storeBlob(ann)
    await server.database.updateTable('blobs').set({ state: 'deleted' }).where('id', '=', blobId).execute()
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('blob_gone')
    expect((await ann.ask('vaultHead', { params: { vaultId: ann.state.vaultId } })).value().seq).toBe(0)
  })

  it('are refused for blobs of others, with or without a source', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const { blobId } = await storeBlob(bob)
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('not_found')
    expect((await commit(bob, { added: [{ blobId }] })).code).toBe('ok')
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('not_found')
    expect((await commit(ann, { added: [{ blobId, sourceVault: bob.state.vaultId }] })).code).toBe('not_found')
  })

  it('can not be released more often than they were added', async () => {
    const ann = await registerAccount(server)
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId, count: 2 }] })
    const refused = await commit(ann, { released: [{ blobId, count: 3 }] })
    expect([refused.code, refused.details.reason]).toEqual(['commit_rejected', 'released_too_often'])
    expect((await commit(ann, { released: [{ blobId: randomId() }] })).code).toBe('commit_rejected')
    expect((await commit(ann, { released: [{ blobId, count: 2 }] })).code).toBe('ok')
  })

  it('need a wrap for each blob that is new in the vault, of the newest epoch, and take no other', async () => {
    const ann = await registerAccount(server)
    const [one, two] = [await storeBlob(ann), await storeBlob(ann)]
    const added = [{ blobId: one.blobId }]
    const reason = async (wraps: ReturnType<typeof fakeWrap>[]) => (await commit(ann, { added, wraps })).details.reason
    expect(await reason([])).toBe('wrap_missing')
    expect(await reason([fakeWrap(one.blobId, 2)])).toBe('wrap_epoch_wrong')
    expect(await reason([fakeWrap(one.blobId), fakeWrap(two.blobId)])).toBe('wrap_not_wanted')
    expect(await reason([fakeWrap(one.blobId), fakeWrap(one.blobId)])).toBe('wrap_not_wanted')
    const first = fakeWrap(one.blobId)
    expect((await commit(ann, { added, wraps: [first] })).code).toBe('ok')
    // A second reference may bring a wrap, which never replaces the one that is there.
    expect((await commit(ann, { added, wraps: [fakeWrap(one.blobId)] })).code).toBe('ok')
    expect((await commit(ann, { added, wraps: [] })).code).toBe('ok')
    const body = { vaultId: ann.state.vaultId, blobIds: [one.blobId] }
    expect((await ann.ask('blobsOpen', { body })).value().blobs[0]?.wraps).toEqual([first])
  })

  it('move nothing when the commit is refused', async () => {
    const ann = await registerAccount(server)
    const [kept, other] = [await storeBlob(ann), await storeBlob(ann)]
    await commit(ann, { added: [{ blobId: kept.blobId }] })
    const head = ann.state.head
    const refused = await commit(ann, {
      added: [{ blobId: other.blobId }],
      released: [{ blobId: kept.blobId, count: 2 }],
    })
    expect(refused.code).toBe('commit_rejected')
    const states = await server.database
      .selectFrom('blobs')
      .select(['state', 'reference_count'])
      .where('id', 'in', [kept.blobId, other.blobId])
      .orderBy('reference_count')
      .execute()
    expect(states).toEqual([
      { state: 'stored', reference_count: 0 },
      { state: 'live', reference_count: 1 },
    ])
    expect((await ann.ask('vaultHead', { params: { vaultId: ann.state.vaultId } })).value()).toEqual(head)
  })

  it('of a revived blob count against the quota again', async () => {
    const ann = await registerAccount(server)
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    await commit(ann, { released: [{ blobId }] })
    const accounts = server.database.updateTable('accounts').where('id', '=', ann.author.accountId)
    await accounts.set({ quota_bytes: 599 }).execute()
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('quota_exceeded')
    await accounts.set({ quota_bytes: 600 }).execute()
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('ok')
  })
})

describe('stored wraps and keys', () => {
  it('that were changed or moved to another row answer stored_data_damaged', async () => {
    const ann = await registerAccount(server)
    const [one, two] = [await storeBlob(ann), await storeBlob(ann)]
    await commit(ann, { added: [{ blobId: one.blobId }, { blobId: two.blobId }] })
    const wraps = await server.database
      .selectFrom('wraps')
      .selectAll()
      .where('vault_id', '=', ann.state.vaultId)
      .execute()
    const [first, second] = wraps
    const put = (blobId: Uint8Array | undefined, sealed: Uint8Array | undefined) =>
      server.database
        .updateTable('wraps')
        .set({ sealed: sealed ?? new Uint8Array() })
        .where('blob_id', '=', blobId ?? new Uint8Array())
        .execute()
    await put(first?.blob_id, second?.sealed)
    const open = () => ann.ask('blobsOpen', { body: { vaultId: ann.state.vaultId, blobIds: [one.blobId, two.blobId] } })
    const moved = await open()
    expect([moved.status, moved.code]).toEqual([500, 'stored_data_damaged'])
    await put(first?.blob_id, first?.sealed)
    expect((await open()).code).toBe('ok')
  })

  it('of a vault whose row was changed answer stored_data_damaged, and nothing is appended', async () => {
    const ann = await registerAccount(server)
    await commit(ann)
    const vault = server.database.updateTable('vaults').where('id', '=', ann.state.vaultId)
    const row = await server.database
      .selectFrom('vaults')
      .select('chain_state')
      .where('id', '=', ann.state.vaultId)
      .executeTakeFirstOrThrow()
    const changed = Uint8Array.from(row.chain_state)
    changed[0] = (changed[0] ?? 0) ^ 1
    await vault.set({ chain_state: changed }).execute()
    expect((await commit(ann)).code).toBe('stored_data_damaged')
    await vault.set({ chain_state: row.chain_state }).execute()
    expect((await commit(ann)).code).toBe('ok')
  })
})
