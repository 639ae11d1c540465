import { randomBytes } from 'node:crypto'
import { encodeBytes } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BlobStore } from '../../ports/index.ts'
import { collect, DAY_MS, stateOf, usedBytes } from '../../testing/collection.ts'
import {
  commit,
  fakeWrap,
  PART_SIZE,
  randomId,
  registerAccount,
  sha256,
  storeBlob,
  type TestAccount,
} from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'

const HOUR_MS = 60 * 60 * 1000

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

const states = (...blobs: { blobId: Uint8Array }[]) => Promise.all(blobs.map((blob) => stateOf(server, blob.blobId)))
const used = () => usedBytes(server, ann.author.accountId)
const object = (blobId: Uint8Array) => server.objects.stat(blobId)

/** Lets time pass in hours, with a collection in each. */
async function collectFor(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 6 * HOUR_MS) {
    server.clock.advance(6 * HOUR_MS)
    await collect(server)
  }
}

/** A blob that was live and is condemned now. */
async function condemnedBlob() {
  const blob = await storeBlob(ann)
  await commit(ann, { added: [{ blobId: blob.blobId }] })
  await commit(ann, { released: [{ blobId: blob.blobId }] })
  return blob
}

async function sendPart(blobId: Uint8Array, index: number, bytes: Uint8Array) {
  const part = { blobId, index, length: bytes.length, sha256: sha256(bytes) }
  const [signed] = (await ann.ask('blobsParts', { body: { parts: [part] } })).value().parts
  const answer = await server.app.inject({
    method: 'PUT',
    url: signed?.url ?? '',
    headers: { ...signed?.headers },
    payload: Buffer.from(bytes),
  })
  expect(answer.statusCode).toBe(200)
  return { etag: String(answer.headers.etag), sha256: part.sha256 }
}

describe('collecting blobs', () => {
  it('removes what nothing refers to, in its time, and never what is live', async () => {
    const [live, idle, released] = [await storeBlob(ann), await storeBlob(ann), await storeBlob(ann)]
    await commit(ann, { added: [{ blobId: live.blobId }, { blobId: released.blobId }] })
    await commit(ann, { released: [{ blobId: released.blobId }] })
    server.clock.advance(7 * DAY_MS - 60_000)
    expect(await collect(server)).toEqual({ dropped: 0, condemned: 0, deleted: 0, objects: 0, failed: 0 })
    expect(await states(live, idle, released)).toEqual(['live', 'stored', 'condemned'])
    server.clock.advance(120_000)
    expect(await collect(server)).toEqual({ dropped: 0, condemned: 1, deleted: 1, objects: 1, failed: 0 })
    expect(await states(live, idle, released)).toEqual(['live', 'condemned', 'deleted'])
    expect(await object(released.blobId)).toBeNull()
    expect(await object(idle.blobId)).toEqual({ length: 600 })
    expect(await used()).toBe(600)
    server.clock.advance(8 * DAY_MS)
    await collect(server)
    expect(await states(live, idle)).toEqual(['live', 'deleted'])
    expect(await object(idle.blobId)).toBeNull()
    expect(await object(live.blobId)).toEqual({ length: 600 })
  })

  it('leaves deleted ids unusable, and says which they are', async () => {
    const [gone, other, fine] = [await condemnedBlob(), await condemnedBlob(), await storeBlob(ann)]
    server.clock.advance(7 * DAY_MS + 1)
    // In use again, so that its week begins anew.
    await ann.ask('blobsReserve', { body: { blobs: [{ blobId: fine.blobId, blobLength: 600, partSize: PART_SIZE }] } })
    await collect(server)
    const answer = await commit(ann, { added: [gone, other, fine].map(({ blobId }) => ({ blobId })) })
    expect(answer.code).toBe('blob_gone')
    expect(answer.details.count).toBe(2)
    expect(String(answer.details.blobIds).split(',').sort()).toEqual(
      [gone, other].map(({ blobId }) => encodeBytes(blobId)).sort(),
    )
    const reserved = await ann.ask('blobsReserve', {
      body: { blobs: [{ blobId: gone.blobId, blobLength: 600, partSize: PART_SIZE }] },
    })
    expect(reserved.code).toBe('blob_gone')
    expect(reserved.details.blobIds).toBe(encodeBytes(gone.blobId))
    const wraps = await server.database.selectFrom('wraps').select('epoch').where('blob_id', '=', gone.blobId).execute()
    expect(wraps).toEqual([])
  })

  it('keeps a blob that is referred to from two places when one of them is purged', async () => {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId, count: 2 }] })
    await commit(ann, { released: [{ blobId }] })
    await collectFor(20 * DAY_MS)
    expect(await stateOf(server, blobId)).toBe('live')
    expect(await object(blobId)).toEqual({ length: 600 })
    const opened = await ann.ask('blobsOpen', { body: { vaultId: ann.state.vaultId, blobIds: [blobId] } })
    expect(opened.code).toBe('ok')
    await commit(ann, { released: [{ blobId }] })
    await collectFor(8 * DAY_MS)
    expect(await stateOf(server, blobId)).toBe('deleted')
  })

  it('gives back the charge of idle uploads and drops their parts', async () => {
    const before = await used()
    const blobId = randomId()
    const reservation = { blobId, blobLength: 600, partSize: PART_SIZE }
    ;(await ann.ask('blobsReserve', { body: { blobs: [reservation] } })).value()
    const part = await sendPart(blobId, 0, new Uint8Array(randomBytes(600)))
    expect(await used()).toBe(before + 600)
    server.clock.advance(7 * DAY_MS - 60_000)
    ;(await ann.ask('blobsReserve', { body: { blobs: [reservation] } })).value()
    server.clock.advance(120_000)
    await collect(server)
    expect(await stateOf(server, blobId)).toBe('reserved')
    server.clock.advance(7 * DAY_MS)
    await collect(server)
    expect(await stateOf(server, blobId)).toBe('deleted')
    expect(await used()).toBe(before)
    const uploads: Uint8Array[] = []
    for await (const upload of server.store.listUploads()) uploads.push(upload.blobId)
    expect(uploads).toEqual([])
    const completion = { blobs: [{ blobId, blobLength: 600, parts: [part] }] }
    expect((await ann.ask('blobsComplete', { body: completion })).code).toBe('blob_gone')
    expect((await ann.ask('blobsReserve', { body: { blobs: [reservation] } })).code).toBe('blob_gone')
  })

  it('spares an upload of four days with pauses, and one of two weeks', async () => {
    for (const pauses of [
      [1, 1, 2],
      [5, 6, 4],
    ]) {
      const blobId = randomId()
      const blobLength = PART_SIZE * pauses.length + 100
      await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength, partSize: PART_SIZE }] } })
      const parts: { etag: string; sha256: Uint8Array }[] = []
      for (const [index, days] of pauses.entries()) {
        parts.push(await sendPart(blobId, index, new Uint8Array(PART_SIZE).fill(index)))
        await collectFor(days * DAY_MS)
      }
      parts.push(await sendPart(blobId, pauses.length, new Uint8Array(100)))
      const completed = await ann.ask('blobsComplete', { body: { blobs: [{ blobId, blobLength, parts }] } })
      expect(completed.code).toBe('ok')
      await collectFor(6 * DAY_MS)
      expect((await commit(ann, { added: [{ blobId }] })).code).toBe('ok')
      await collectFor(15 * DAY_MS)
      expect(await object(blobId)).toEqual({ length: blobLength })
    }
  })

  it('spares a condemned blob that a commit revives in time, and charges for it again', async () => {
    const before = await used()
    const { blobId } = await condemnedBlob()
    expect(await used()).toBe(before)
    server.clock.advance(6 * DAY_MS)
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('ok')
    expect(await used()).toBe(before + 600)
    server.clock.advance(20 * DAY_MS)
    await collect(server)
    expect(await stateOf(server, blobId)).toBe('live')
    expect(await object(blobId)).toEqual({ length: 600 })
  })

  it('lets exactly one of revival and deletion win', async () => {
    const blobs = await Promise.all(Array.from({ length: 8 }, () => storeBlob(ann)))
    const references = blobs.map(({ blobId }) => ({ blobId }))
    await commit(ann, { added: references })
    await commit(ann, { released: references })
    server.clock.advance(7 * DAY_MS + 1)
    const [answer] = await Promise.all([commit(ann, { added: references }), collect(server), collect(server)])
    const expected = answer.code === 'ok' ? 'live' : 'deleted'
    expect(['ok', 'blob_gone']).toContain(answer.code)
    await collect(server)
    expect(new Set(await states(...blobs))).toEqual(new Set([expected]))
    for (const { blobId } of blobs) expect((await object(blobId)) !== null).toBe(expected === 'live')
  })

  it('refuses to revive what the store has no object of, as after a restore of an old database', async () => {
    const { blobId } = await condemnedBlob()
    await server.objects.delete(blobId)
    const answer = await commit(ann, { added: [{ blobId }] })
    expect(answer.code).toBe('blob_gone')
    expect(answer.details.blobIds).toBe(encodeBytes(blobId))
    expect(await stateOf(server, blobId)).toBe('condemned')
  })

  it('waits for the end of every URL', async () => {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    const body = { vaultId: ann.state.vaultId, blobIds: [blobId] }
    await ann.ask('blobsOpen', { body })
    await server.database
      .updateTable('blobs')
      .set({ urls_end_ms: server.clock.nowMs() + 8 * DAY_MS })
      .where('id', '=', blobId)
      .execute()
    await commit(ann, { released: [{ blobId }] })
    server.clock.advance(8 * DAY_MS - 60_000)
    await collect(server)
    expect(await stateOf(server, blobId)).toBe('condemned')
    server.clock.advance(120_000)
    await collect(server)
    expect(await stateOf(server, blobId)).toBe('deleted')
  })

  it('may run several times at once', async () => {
    const blobs = await Promise.all(Array.from({ length: 12 }, () => storeBlob(ann)))
    const before = await used()
    server.clock.advance(8 * DAY_MS)
    await Promise.all([collect(server), collect(server), collect(server)])
    expect(await used()).toBe(before - 12 * 600)
    server.clock.advance(8 * DAY_MS)
    await Promise.all([collect(server), collect(server)])
    for (const { blobId } of blobs) expect(await object(blobId)).toBeNull()
  })
})

/** The server's store, which dies before or after it has deleted an object. */
function dyingStore(when: 'before' | 'after'): BlobStore {
  return {
    ...server.store,
    delete: async (blobId) => {
      if (when === 'after') await server.store.delete(blobId)
      throw new Error('killed')
    },
  }
}

describe('a collection that is killed', () => {
  it.each(['before', 'after'] as const)('%s an object is deleted goes on where it was', async (when) => {
    const [live, doomed] = [await storeBlob(ann), await condemnedBlob()]
    await commit(ann, { added: [{ blobId: live.blobId }] })
    server.clock.advance(7 * DAY_MS + 1)
    expect(await collect(server, dyingStore(when))).toMatchObject({ deleted: 1, objects: 0, failed: 1 })
    // Whatever became of the object: nobody can refer to it any more.
    expect(await states(live, doomed)).toEqual(['live', 'deleted'])
    expect((await commit(ann, { added: [{ blobId: doomed.blobId }] })).code).toBe('blob_gone')
    expect(await collect(server)).toMatchObject({ deleted: 0, objects: 1, failed: 0 })
    expect(await object(doomed.blobId)).toBeNull()
    expect(await object(live.blobId)).toEqual({ length: 600 })
    expect(await collect(server)).toMatchObject({ objects: 0 })
  })

  it('leaves one broken blob behind and takes the others', async () => {
    const [broken, fine] = [await condemnedBlob(), await condemnedBlob()]
    server.clock.advance(7 * DAY_MS + 1)
    const store: BlobStore = {
      ...server.store,
      delete: async (blobId) => {
        if (Buffer.compare(blobId, broken.blobId) === 0) throw new Error('no such device')
        return server.store.delete(blobId)
      },
    }
    expect(await collect(server, store)).toMatchObject({ deleted: 2, objects: 1, failed: 1 })
    expect(await object(fine.blobId)).toBeNull()
    await collect(server)
    expect(await object(broken.blobId)).toBeNull()
  })

  it('does not let a completion under way leave an object behind', async () => {
    const blobId = randomId()
    await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })
    const part = await sendPart(blobId, 0, new Uint8Array(randomBytes(600)))
    server.clock.advance(7 * DAY_MS + 1)
    const completion = { blobs: [{ blobId, blobLength: 600, parts: [part] }] }
    const [answer] = await Promise.all([ann.ask('blobsComplete', { body: completion }), collect(server)])
    await collect(server)
    if (answer.code === 'ok') {
      expect(await stateOf(server, blobId)).toBe('stored')
      expect(await object(blobId)).toEqual({ length: 600 })
    } else {
      expect(answer.code).toBe('blob_gone')
      expect(await object(blobId)).toBeNull()
    }
  })
})

describe('wraps of a revived blob', () => {
  it('are asked for again once the vault does not refer to it', async () => {
    const { blobId } = await condemnedBlob()
    expect((await commit(ann, { added: [{ blobId }], wraps: [] })).details.reason).toBe('wrap_missing')
    expect((await commit(ann, { added: [{ blobId }], wraps: [fakeWrap(blobId)] })).code).toBe('ok')
  })
})
