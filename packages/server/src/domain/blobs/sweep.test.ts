import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collect, DAY_MS, stateOf, sweep } from '../../testing/collection.ts'
import {
  commit,
  PART_SIZE,
  randomId,
  registerAccount,
  sha256,
  storeBlob,
  type TestAccount,
} from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

/** An object in the store that the database knows nothing of. */
async function objectWithoutRow() {
  const [blobId, bytes] = [randomId(), new Uint8Array(randomBytes(600))]
  await server.objects.putWhole(blobId, bytes, sha256(bytes))
  return { blobId, bytes }
}

async function sweepDaily(days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    await sweep(server)
    server.clock.advance(DAY_MS)
  }
}

async function uploadsOf(blobId: Uint8Array): Promise<number> {
  let count = 0
  for await (const upload of server.store.listUploads()) if (Buffer.compare(upload.blobId, blobId) === 0) count += 1
  return count
}

const object = (blobId: Uint8Array) => server.objects.stat(blobId)

describe('looking through the store', () => {
  it('deletes objects without a row only after the whole grace, and no others', async () => {
    const live = await storeBlob(ann)
    await commit(ann, { added: [{ blobId: live.blobId }] })
    const { blobId } = await objectWithoutRow()
    await sweepDaily(7)
    expect(await object(blobId)).toEqual({ length: 600 })
    expect(await sweep(server)).toEqual({ objects: 1, uploads: 0, failed: 0 })
    expect(await object(blobId)).toBeNull()
    expect(await object(live.blobId)).toEqual({ length: 600 })
    expect(await server.database.selectFrom('orphans').selectAll().execute()).toEqual([])
  })

  it('spares an object for which a row is made meanwhile', async () => {
    const { blobId, bytes } = await objectWithoutRow()
    await sweepDaily(7)
    const part = { sha256: sha256(bytes), bytes }
    const body = { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE, part }] }
    expect((await ann.ask('blobsReserve', { body })).code).toBe('ok')
    await sweep(server)
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('ok')
    await sweepDaily(9)
    expect(await object(blobId)).toEqual({ length: 600 })
  })

  it('lets nobody reserve an id whose object is just being deleted', async () => {
    const { blobId, bytes } = await objectWithoutRow()
    await sweep(server)
    // As a server leaves it that is killed between its decision and the deletion.
    await server.database.updateTable('orphans').set({ doomed: true }).where('blob_id', '=', blobId).execute()
    const part = { sha256: sha256(bytes), bytes }
    const body = { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE, part }] }
    expect((await ann.ask('blobsReserve', { body })).code).toBe('blob_gone')
    expect(await stateOf(server, blobId)).toBeUndefined()
    expect(await sweep(server)).toMatchObject({ objects: 1 })
    expect(await object(blobId)).toBeNull()
    expect((await ann.ask('blobsReserve', { body })).code).toBe('ok')
    expect(await object(blobId)).toEqual({ length: 600 })
  })

  it('lets exactly one of reservation and deletion win', async () => {
    const orphans = await Promise.all(Array.from({ length: 10 }, objectWithoutRow))
    await sweepDaily(7)
    const reserved = await Promise.all([
      ...orphans.map(({ blobId, bytes }) => {
        const part = { sha256: sha256(bytes), bytes }
        return ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE, part }] } })
      }),
      sweep(server).then(() => null),
    ])
    for (const [index, { blobId }] of orphans.entries()) {
      const code = reserved[index]?.code
      expect(['ok', 'blob_gone']).toContain(code)
      expect((await object(blobId)) !== null).toBe(code === 'ok')
    }
  })

  it('counts anew after a pause, as a database has that was set back', async () => {
    const { blobId } = await objectWithoutRow()
    await sweepDaily(6)
    server.clock.advance(2 * DAY_MS)
    await sweepDaily(7)
    expect(await object(blobId)).toEqual({ length: 600 })
    await sweep(server)
    expect(await object(blobId)).toBeNull()
  })

  it('aborts uploads that no row names, and no others', async () => {
    const [orphan, running] = [randomId(), randomId()]
    await server.store.createUpload(orphan, true)
    await ann.ask('blobsReserve', { body: { blobs: [{ blobId: running, blobLength: 600, partSize: PART_SIZE }] } })
    const ask = () =>
      ann.ask('blobsParts', { body: { parts: [{ blobId: running, index: 0, length: 600, sha256: sha256(orphan) }] } })
    for (let day = 0; day < 8; day += 1) {
      await sweep(server)
      expect((await ask()).code).toBe('ok')
      server.clock.advance(DAY_MS)
    }
    expect(await uploadsOf(orphan)).toBe(0)
    expect(await uploadsOf(running)).toBe(1)
  })

  it('has an object removed that came after its blob was deleted', async () => {
    const { blobId, bytes, sha256: digest } = await storeBlob(ann)
    server.clock.advance(7 * DAY_MS + 1)
    await collect(server)
    server.clock.advance(7 * DAY_MS + 1)
    await collect(server)
    expect(await stateOf(server, blobId)).toBe('deleted')
    await server.objects.putWhole(blobId, bytes, digest)
    await sweep(server)
    await collect(server)
    expect(await object(blobId)).toBeNull()
  })

  it('removes nothing where the database knows less than half of many objects', async () => {
    const bytes = new Uint8Array(1)
    const ids = Array.from({ length: 520 }, randomId)
    for (const blobId of ids) await server.objects.putWhole(blobId, bytes, sha256(bytes))
    await sweepDaily(9)
    for (const blobId of ids) expect(await object(blobId)).toEqual({ length: 1 })
    expect(server.logs).toContainEqual({
      fields: { known: expect.any(Number), unknown: 520 },
      message: 'the database does not know most objects of the blob store: is it the right one?',
    })
    for (const blobId of ids) await server.objects.delete(blobId)
    await sweep(server)
    expect(await server.database.selectFrom('orphans').selectAll().execute()).toEqual([])
  })
})
