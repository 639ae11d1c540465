import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commit, registerAccount, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

interface Stored {
  readonly blobId: Uint8Array
  readonly bytes: Uint8Array
  readonly url: string
}

async function storeMany(count: number): Promise<Stored[]> {
  const blobs = await Promise.all(Array.from({ length: count }, () => storeBlob(ann)))
  await commit(ann, { added: blobs.map(({ blobId }) => ({ blobId })) })
  const body = { vaultId: ann.state.vaultId, blobIds: blobs.map(({ blobId }) => blobId) }
  const opened = (await ann.ask('blobsOpen', { body })).value().blobs
  return blobs.map((blob, index) => ({ ...blob, url: opened[index]?.url ?? '' }))
}

const ask = (body: unknown) =>
  server.app.inject({ method: 'POST', url: '/v1/store/batch', payload: body as Record<string, unknown> })

describe('small objects in one answer', () => {
  it('come one after the other, in the order of their URLs, without a session', async () => {
    const blobs = (await storeMany(3)).reverse()
    const answer = await ask({ urls: blobs.map(({ url }) => url) })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe('application/octet-stream')
    expect(answer.rawPayload).toEqual(Buffer.concat(blobs.map(({ bytes }) => bytes)))
  })

  it('are refused unless every URL is one of ours, unchanged and alive', async () => {
    const [first, second] = await storeMany(2)
    const good = first?.url ?? ''
    const other = second?.url ?? ''
    for (const bad of [good.replace('length=', 'length=1'), `${good}x`, other.replace(/signature=.*/, 'signature=')]) {
      const answer = await ask({ urls: [other, bad] })
      expect([answer.statusCode, answer.json().code], bad).toEqual([403, 'url_invalid'])
    }
    server.clock.advance(6 * 60 * 1000)
    expect((await ask({ urls: [good] })).json().code).toBe('url_invalid')
  })

  it('are asked for by a list of their paths alone', async () => {
    const [{ url } = { url: '' }] = await storeMany(1)
    const bodies = [
      null,
      [],
      {},
      { urls: [] },
      { urls: [1] },
      { urls: [url], more: 1 },
      { urls: Array(1001).fill(url) },
    ]
    for (const body of [...bodies, { urls: [`https://example.org${url}`] }, { urls: [`${url}${'x'.repeat(400)}`] }]) {
      const answer = await ask(body)
      expect([answer.statusCode, answer.json().code], JSON.stringify(body)?.slice(0, 80)).toEqual([400, 'bad_request'])
    }
  })

  it('are no more than fit into memory', async () => {
    const bytes = new Uint8Array(randomBytes(256 * 1024))
    const { blobId } = await storeBlob(ann, bytes)
    await commit(ann, { added: [{ blobId }] })
    const opened = await ann.ask('blobsOpen', { body: { vaultId: ann.state.vaultId, blobIds: [blobId] } })
    const url = opened.value().blobs[0]?.url ?? ''
    expect((await ask({ urls: Array(32).fill(url) })).rawPayload).toHaveLength(8 * 1024 * 1024)
    const answer = await ask({ urls: Array(33).fill(url) })
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'payload_too_large'])
  })

  it('are damaged where one of them is gone', async () => {
    const [kept, gone] = await storeMany(2)
    await server.store.delete(gone?.blobId ?? new Uint8Array(16))
    const answer = await ask({ urls: [kept?.url, gone?.url] })
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'stored_data_damaged'])
  })
})
