import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servedStore } from '../../http/served-store.ts'
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
import { collectBlobs } from './collect.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

const collect = () => collectBlobs({ ...server, store: servedStore(server.objects, server.urls) })

async function stateOf(blobId: Uint8Array): Promise<string | undefined> {
  const row = await server.database.selectFrom('blobs').select('state').where('id', '=', blobId).executeTakeFirst()
  return row?.state
}

async function usedBytes(): Promise<number> {
  const row = await server.database
    .selectFrom('accounts')
    .select('used_bytes')
    .where('id', '=', ann.author.accountId)
    .executeTakeFirstOrThrow()
  return row.used_bytes
}

describe('collecting blobs', () => {
  it('removes what nothing refers to, in its time, and never what is live', async () => {
    const [live, idle, released] = [await storeBlob(ann), await storeBlob(ann), await storeBlob(ann)]
    await commit(ann, { added: [{ blobId: live.blobId }, { blobId: released.blobId }] })
    await commit(ann, { released: [{ blobId: released.blobId }] })
    server.clock.advance(7 * DAY_MS - 60_000)
    await collect()
    expect(await Promise.all([live, idle, released].map((blob) => stateOf(blob.blobId)))).toEqual([
      'live',
      'stored',
      'condemned',
    ])
    server.clock.advance(120_000)
    await collect()
    expect(await Promise.all([live, idle, released].map((blob) => stateOf(blob.blobId)))).toEqual([
      'live',
      'condemned',
      'deleted',
    ])
    expect(await server.objects.stat(released.blobId)).toBeNull()
    expect(await server.objects.stat(idle.blobId)).toEqual({ length: 600 })
    expect(await usedBytes()).toBe(600)
    server.clock.advance(8 * DAY_MS)
    await collect()
    expect(await stateOf(idle.blobId)).toBe('deleted')
    expect(await server.objects.stat(idle.blobId)).toBeNull()
    expect(await server.objects.stat(live.blobId)).toEqual({ length: 600 })
    expect((await commit(ann, { added: [{ blobId: idle.blobId }] })).code).toBe('blob_gone')
  })

  it('gives back the charge of idle reservations and drops their parts', async () => {
    const before = await usedBytes()
    const blobId = randomId()
    const reservation = { blobId, blobLength: 600, partSize: PART_SIZE }
    ;(await ann.ask('blobsReserve', { body: { blobs: [reservation] } })).value()
    const bytes = new Uint8Array(randomBytes(600))
    const part = { blobId, index: 0, length: 600, sha256: sha256(bytes) }
    const [signed] = (await ann.ask('blobsParts', { body: { parts: [part] } })).value().parts
    const put = {
      method: 'PUT' as const,
      url: signed?.url ?? '',
      headers: { ...signed?.headers },
      payload: Buffer.from(bytes),
    }
    const etag = String((await server.app.inject(put)).headers.etag)
    server.clock.advance(2 * DAY_MS - 60_000)
    ;(await ann.ask('blobsReserve', { body: { blobs: [reservation] } })).value()
    server.clock.advance(120_000)
    await collect()
    expect(await stateOf(blobId)).toBe('reserved')
    server.clock.advance(2 * DAY_MS)
    await collect()
    expect(await stateOf(blobId)).toBe('deleted')
    expect(await usedBytes()).toBe(before)
    const completion = { blobs: [{ blobId, blobLength: 600, parts: [{ etag, sha256: part.sha256 }] }] }
    expect((await ann.ask('blobsComplete', { body: completion })).code).toBe('blob_gone')
    expect((await ann.ask('blobsReserve', { body: { blobs: [reservation] } })).code).toBe('blob_gone')
  })

  it('spares a condemned blob that a commit revives in time', async () => {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    await commit(ann, { released: [{ blobId }] })
    server.clock.advance(6 * DAY_MS)
    expect((await commit(ann, { added: [{ blobId }] })).code).toBe('ok')
    server.clock.advance(20 * DAY_MS)
    await collect()
    expect(await stateOf(blobId)).toBe('live')
    expect(await server.objects.stat(blobId)).toEqual({ length: 600 })
  })

  it('may run twice at once', async () => {
    const blobs = await Promise.all(Array.from({ length: 12 }, () => storeBlob(ann)))
    const before = await usedBytes()
    server.clock.advance(8 * DAY_MS)
    await Promise.all([collect(), collect(), collect()])
    expect(await usedBytes()).toBe(before - 12 * 600)
    server.clock.advance(8 * DAY_MS)
    await Promise.all([collect(), collect()])
    for (const { blobId } of blobs) expect(await server.objects.stat(blobId)).toBeNull()
  })
})
