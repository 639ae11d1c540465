import { randomBytes } from 'node:crypto'
import { encodeBytes } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  commit,
  fakeWrap,
  PART_SIZE,
  randomId,
  registerAccount,
  sha256,
  storeBlob,
  type TestAccount,
} from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

const bearer = ({ token }: TestAccount) => `Bearer ${encodeBytes(token)}`

/** Asks for one part's URL and sends the bytes there. */
async function sendPart(account: TestAccount, blobId: Uint8Array, index: number, bytes: Uint8Array) {
  const part = { blobId, index, length: bytes.length, sha256: sha256(bytes) }
  const [signed] = (await account.ask('blobsParts', { body: { parts: [part] } })).value().parts
  const response = await server.app.inject({
    method: 'PUT',
    url: signed?.url ?? '',
    headers: { ...signed?.headers },
    payload: Buffer.from(bytes),
  })
  return { response, url: signed?.url ?? '', headers: signed?.headers ?? {}, sha256: part.sha256 }
}

async function stateOf(blobId: Uint8Array) {
  return server.database.selectFrom('blobs').selectAll().where('id', '=', blobId).executeTakeFirst()
}

async function usedBytes(account: TestAccount): Promise<number> {
  return (await account.ask('account', {})).value().usedBytes
}

describe('the life of a blob', () => {
  it('goes from reserved over stored and live to condemned, and back to live', async () => {
    const account = await registerAccount(server)
    const { blobId, bytes } = await storeBlob(account)
    expect((await stateOf(blobId))?.state).toBe('stored')
    expect(await usedBytes(account)).toBe(bytes.length)
    expect((await commit(account, { added: [{ blobId, count: 2 }] })).code).toBe('ok')
    expect((await stateOf(blobId))?.state).toBe('live')
    expect((await commit(account, { released: [{ blobId }] })).code).toBe('ok')
    expect((await stateOf(blobId))?.state).toBe('live')
    expect((await commit(account, { released: [{ blobId }] })).code).toBe('ok')
    expect((await stateOf(blobId))?.state).toBe('condemned')
    expect(await usedBytes(account)).toBe(0)
    expect((await commit(account, { added: [{ blobId }] })).code).toBe('ok')
    expect(await stateOf(blobId)).toMatchObject({ state: 'live', condemned_ms: null, reference_count: 1 })
    expect(await usedBytes(account)).toBe(bytes.length)
  })

  it('of several parts is read back whole and by ranges', async () => {
    const parts = [randomBytes(PART_SIZE), randomBytes(1000)].map((part) => new Uint8Array(part))
    const blobLength = PART_SIZE + 1000
    const blobId = randomId()
    ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength, partSize: PART_SIZE }] } })).value()
    const done: { etag: string; sha256: Uint8Array }[] = []
    for (const [index, bytes] of parts.entries()) {
      const sent = await sendPart(ann, blobId, index, bytes)
      expect(sent.response.statusCode).toBe(200)
      done.push({ etag: String(sent.response.headers.etag), sha256: sent.sha256 })
    }
    const completion = { blobs: [{ blobId, blobLength, parts: done }] }
    for (let times = 0; times < 2; times += 1) (await ann.ask('blobsComplete', { body: completion })).value()
    const wrap = fakeWrap(blobId)
    expect((await commit(ann, { added: [{ blobId }], wraps: [wrap] })).code).toBe('ok')

    const body = { vaultId: ann.state.vaultId, blobIds: [blobId] }
    const [opened] = (await ann.ask('blobsOpen', { body })).value().blobs
    expect(opened?.wraps).toEqual([wrap])
    expect(opened?.digests).toEqual(new Uint8Array(Buffer.concat(done.map((part) => part.sha256))))
    const url = opened?.url ?? ''
    const whole = await server.app.inject({ method: 'GET', url })
    expect(whole.statusCode).toBe(200)
    expect(Buffer.compare(whole.rawPayload, Buffer.concat(parts))).toBe(0)
    const range = await server.app.inject({
      method: 'GET',
      url,
      headers: { range: `bytes=${PART_SIZE - 10}-${PART_SIZE + 9}` },
    })
    expect(range.statusCode).toBe(206)
    expect(range.headers['content-range']).toBe(`bytes ${PART_SIZE - 10}-${PART_SIZE + 9}/${blobLength}`)
    expect(Buffer.compare(range.rawPayload, Buffer.concat(parts).subarray(PART_SIZE - 10, PART_SIZE + 10))).toBe(0)
    const beyond = await server.app.inject({ method: 'GET', url, headers: { range: `bytes=${blobLength}-` } })
    expect(beyond.statusCode).toBe(416)
    expect(beyond.json().code).toBe('range_invalid')
    expect((await server.app.inject({ method: 'HEAD', url })).headers.allow).toBe('GET')
  })

  it('of unknown length is charged as its parts come, and by its length at the end', async () => {
    const account = await registerAccount(server)
    const blobId = randomId()
    const reservation = { blobId, blobLength: null, partSize: PART_SIZE }
    ;(await account.ask('blobsReserve', { body: { blobs: [reservation] } })).value()
    expect(await usedBytes(account)).toBe(0)
    const bytes = new Uint8Array(randomBytes(5000))
    const sent = await sendPart(account, blobId, 0, bytes)
    expect(await usedBytes(account)).toBe(5000)
    const parts = [{ etag: String(sent.response.headers.etag), sha256: sent.sha256 }]
    ;(await account.ask('blobsComplete', { body: { blobs: [{ blobId, blobLength: 5000, parts }] } })).value()
    expect(await usedBytes(account)).toBe(5000)
    const again = await account.ask('blobsReserve', { body: { blobs: [reservation] } })
    expect(again.value().blobs).toEqual([{ blobId, state: 'stored' }])
  })
})
describe('reservations', () => {
  it('may be repeated with the same sizes, and not with others or by others', async () => {
    const blobId = randomId()
    const blob = { blobId, blobLength: 700, partSize: PART_SIZE }
    const before = await usedBytes(ann)
    for (let times = 0; times < 2; times += 1) {
      const answer = await ann.ask('blobsReserve', { body: { blobs: [blob] } })
      expect(answer.value().blobs).toEqual([{ blobId, state: 'reserved' }])
    }
    expect((await usedBytes(ann)) - before).toBe(700)
    expect((await ann.ask('blobsReserve', { body: { blobs: [{ ...blob, blobLength: 701 }] } })).code).toBe(
      'blob_conflict',
    )
    const bob = await registerAccount(server)
    expect((await bob.ask('blobsReserve', { body: { blobs: [blob] } })).code).toBe('blob_conflict')
  })

  it('of a batch are refused together, and charge nothing then', async () => {
    const before = await usedBytes(ann)
    const taken = await storeBlob(ann)
    const blobs = [
      { blobId: randomId(), blobLength: 600, partSize: PART_SIZE },
      { blobId: taken.blobId, blobLength: 601, partSize: PART_SIZE },
    ]
    expect((await ann.ask('blobsReserve', { body: { blobs } })).code).toBe('blob_conflict')
    expect((await usedBytes(ann)) - before).toBe(600)
  })

  it('take the parts of small blobs behind their JSON', async () => {
    const account = await registerAccount(server)
    const pieces = [Uint8Array.of(1, 2, 3), new Uint8Array(randomBytes(700)), Uint8Array.of(9)]
    const blobs = pieces.map((bytes) => ({
      blobId: randomId(),
      blobLength: bytes.length,
      partSize: PART_SIZE,
      framedPart: { sha256: sha256(bytes), length: bytes.length },
    }))
    const payload = Buffer.concat(pieces)
    const send = (bytes: Uint8Array | undefined, body = { blobs }) =>
      account.ask('blobsReserve', { body, ...(bytes === undefined ? {} : { payload: new Uint8Array(bytes) }) })
    const refused = { code: 'bad_request', details: { path: 'body', problem: 'payload' } }
    expect(await send(undefined)).toMatchObject(refused)
    expect(await send(payload.subarray(1))).toMatchObject(refused)
    expect(await send(Buffer.concat([payload, Buffer.of(0)]))).toMatchObject(refused)
    expect((await send(Buffer.from(payload).reverse())).code).toBe('digest_mismatch')
    const both = blobs.map((blob, index) => ({
      ...blob,
      part: { sha256: blob.framedPart.sha256, bytes: pieces[index] ?? new Uint8Array(0) },
    }))
    expect(await send(payload, { blobs: both })).toMatchObject({ ...refused, details: { problem: 'two_parts' } })
    expect(await usedBytes(account)).toBe(0)
    expect((await send(payload)).value().blobs.map(({ state }) => state)).toEqual(['stored', 'stored', 'stored'])
    for (const [index, { blobId }] of blobs.entries()) {
      const stored: Uint8Array[] = []
      for await (const chunk of await server.store.read(blobId)) stored.push(chunk)
      expect(Buffer.concat(stored)).toEqual(Buffer.from(pieces[index] ?? []))
    }
  })

  it('come framed where the route says so, and whole', async () => {
    const headers = { 'content-type': 'application/vnd.strongroom.framed', authorization: bearer(ann) }
    const post = (url: string, payload: Buffer) => server.app.inject({ method: 'POST', url, headers, payload })
    for (const cut of ['', '0000', '00000005', '000000047b7d']) {
      const answer = await post('/v1/blobs', Buffer.from(cut, 'hex'))
      expect([answer.statusCode, answer.json().code], cut).toEqual([400, 'bad_request'])
    }
    const other = await post('/v1/blobs/parts', Buffer.from('000000027b7d', 'hex'))
    expect([other.statusCode, other.json().code]).toEqual([415, 'unsupported_media_type'])
  })

  it('with inline parts refuse a wrong digest, a wrong length and an id twice', async () => {
    const bytes = new Uint8Array(randomBytes(600))
    const blob = { blobId: randomId(), blobLength: 600, partSize: PART_SIZE, part: { sha256: sha256(bytes), bytes } }
    const reserve = (blobs: (typeof blob)[]) => ann.ask('blobsReserve', { body: { blobs } })
    expect((await reserve([{ ...blob, part: { bytes, sha256: sha256(blob.blobId) } }])).code).toBe('digest_mismatch')
    expect((await reserve([{ ...blob, blobLength: 599 }])).code).toBe('bad_request')
    expect((await reserve([blob, blob])).code).toBe('bad_request')
    expect(await stateOf(blob.blobId)).toBeUndefined()
  })

  it('beyond the quota are refused and leave nothing', async () => {
    const account = await registerAccount(server)
    await server.database
      .updateTable('accounts')
      .set({ quota_bytes: 1000 })
      .where('id', '=', account.author.accountId)
      .execute()
    const blob = (blobLength: number) => ({ blobId: randomId(), blobLength, partSize: PART_SIZE })
    expect((await account.ask('blobsReserve', { body: { blobs: [blob(600)] } })).code).toBe('ok')
    const over = blob(401)
    const refused = await account.ask('blobsReserve', { body: { blobs: [over] } })
    expect([refused.status, refused.code]).toEqual([507, 'quota_exceeded'])
    expect(await stateOf(over.blobId)).toBeUndefined()
    expect(await usedBytes(account)).toBe(600)
    const grown = randomId()
    ;(
      await account.ask('blobsReserve', { body: { blobs: [{ blobId: grown, blobLength: null, partSize: PART_SIZE }] } })
    ).value()
    const part = { blobId: grown, index: 0, length: 401, sha256: randomBytes(32) }
    expect((await account.ask('blobsParts', { body: { parts: [part] } })).code).toBe('quota_exceeded')
  })

  it('of many small blobs at once are stored in one request', async () => {
    const blobs = Array.from({ length: 300 }, () => {
      const bytes = new Uint8Array(randomBytes(530))
      return { blobId: randomId(), blobLength: 530, partSize: PART_SIZE, part: { sha256: sha256(bytes), bytes } }
    })
    const answer = (await ann.ask('blobsReserve', { body: { blobs } })).value()
    expect(answer.blobs.map((blob) => blob.state)).toEqual(blobs.map(() => 'stored'))
    const added = blobs.map(({ blobId }) => ({ blobId }))
    expect((await commit(ann, { added })).code).toBe('ok')
    const body = { vaultId: ann.state.vaultId, blobIds: blobs.map((blob) => blob.blobId) }
    const opened = (await ann.ask('blobsOpen', { body })).value()
    expect(opened.blobs.map((blob) => encodeBytes(blob.blobId))).toEqual(blobs.map((blob) => encodeBytes(blob.blobId)))
  })
})

describe('presigned URLs', () => {
  it('that were changed in any place, or are too old, are refused', async () => {
    const blobId = randomId()
    ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })).value()
    const bytes = new Uint8Array(randomBytes(600))
    const { url, headers, response } = await sendPart(ann, blobId, 0, bytes)
    expect(response.statusCode).toBe(200)
    const put = (changed: string, payload: Uint8Array = bytes) =>
      server.app.inject({ method: 'PUT', url: changed, headers, payload: Buffer.from(payload) })
    for (let at = url.indexOf('?') + 1; at < url.length; at += 3) {
      const changed = `${url.slice(0, at)}${url[at] === 'A' ? 'B' : 'A'}${url.slice(at + 1)}`
      expect((await put(changed)).statusCode, `character ${at}`).toBe(403)
    }
    expect((await put(url, bytes.subarray(1))).json().code).toBe('url_invalid')
    expect((await put(`${url}&length=1`)).statusCode).toBe(403)
    expect((await put(url, new Uint8Array(randomBytes(600)))).json().code).toBe('digest_mismatch')
    expect((await server.app.inject({ method: 'PUT', url: '/v1/store/parts', headers, payload: 'x' })).statusCode).toBe(
      403,
    )
    server.clock.advance(5 * 60 * 1000 + 1)
    expect((await put(url)).json().code).toBe('url_invalid')
  })

  it('for a part of another length than the layout gives are not made', async () => {
    const blobId = randomId()
    ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })).value()
    const ask = (index: number, length: number) =>
      ann.ask('blobsParts', { body: { parts: [{ blobId, index, length, sha256: randomBytes(32) }] } })
    expect((await ask(0, 599)).code).toBe('bad_request')
    expect((await ask(1, 600)).code).toBe('bad_request')
    expect((await ask(0, 600)).code).toBe('ok')
  })

  it('are not made for blobs of others, and not after completion', async () => {
    const { blobId } = await storeBlob(ann)
    const part = { blobId, index: 0, length: 600, sha256: randomBytes(32) }
    const bob = await registerAccount(server)
    expect((await bob.ask('blobsParts', { body: { parts: [part] } })).code).toBe('not_found')
    expect((await ann.ask('blobsParts', { body: { parts: [part] } })).code).toBe('blob_conflict')
  })
})

describe('completion', () => {
  it('refuses parts that the store does not have, a wrong number of parts and another length', async () => {
    const blobId = randomId()
    ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })).value()
    const complete = (blobLength: number, parts: { etag: string; sha256: Uint8Array }[]) =>
      ann.ask('blobsComplete', { body: { blobs: [{ blobId, blobLength, parts }] } })
    const foreign = { etag: 'x', sha256: new Uint8Array(randomBytes(32)) }
    expect((await complete(600, [foreign])).code).toBe('blob_not_ready')
    const sent = await sendPart(ann, blobId, 0, new Uint8Array(randomBytes(600)))
    const part = { etag: String(sent.response.headers.etag), sha256: sent.sha256 }
    expect(await complete(600, [foreign])).toMatchObject({ code: 'blob_not_ready', details: { part: 0 } })
    expect((await complete(600, [])).code).toBe('bad_request')
    expect((await complete(601, [part])).code).toBe('blob_conflict')
    expect((await complete(600, [part])).code).toBe('ok')
    expect((await complete(600, [foreign])).code).toBe('blob_conflict')
    expect((await complete(600, [part])).code).toBe('ok')
  })
})

describe('opening blobs', () => {
  it('is for members, and for blobs that the vault refers to', async () => {
    const bob = await registerAccount(server)
    const { blobId } = await storeBlob(ann)
    const body = { vaultId: ann.state.vaultId, blobIds: [blobId] }
    expect((await ann.ask('blobsOpen', { body })).code).toBe('not_found')
    await commit(ann, { added: [{ blobId }] })
    expect((await ann.ask('blobsOpen', { body })).code).toBe('ok')
    expect((await bob.ask('blobsOpen', { body })).code).toBe('not_found')
    await commit(ann, { released: [{ blobId }] })
    expect((await ann.ask('blobsOpen', { body })).code).toBe('not_found')
  })
})

describe('requests at the same time', () => {
  it('for parts of one blob share one upload', async () => {
    const blobId = randomId()
    const blobLength = 3 * PART_SIZE
    ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength, partSize: PART_SIZE }] } })).value()
    const answers = await Promise.all(
      [0, 1, 2].map((index) =>
        ann.ask('blobsParts', { body: { parts: [{ blobId, index, length: PART_SIZE, sha256: randomBytes(32) }] } }),
      ),
    )
    const uploads = answers.map((answer) =>
      new URL(answer.value().parts[0]?.url ?? '', 'http://x').searchParams.get('upload'),
    )
    expect(new Set(uploads).size).toBe(1)
  })

  it('to complete one blob with different parts let one win, in store and database alike', async () => {
    for (let times = 0; times < 5; times += 1) {
      const blobId = randomId()
      ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })).value()
      const contents = [0, 1].map(() => new Uint8Array(randomBytes(600)))
      const sent = await Promise.all(contents.map((bytes) => sendPart(ann, blobId, 0, bytes)))
      const completions = sent.map(({ response, sha256: digest }) =>
        ann.ask('blobsComplete', {
          body: {
            blobs: [{ blobId, blobLength: 600, parts: [{ etag: String(response.headers.etag), sha256: digest }] }],
          },
        }),
      )
      const codes = (await Promise.all(completions)).map((answer) => answer.code)
      expect([...codes].sort()).toEqual(['blob_conflict', 'ok'])
      const winner = contents[codes.indexOf('ok')] ?? new Uint8Array()
      expect((await stateOf(blobId))?.digests).toEqual(Buffer.from(sha256(winner)))
      const stored: Uint8Array[] = []
      for await (const chunk of await server.objects.read(blobId)) stored.push(chunk)
      expect(Buffer.compare(Buffer.concat(stored), winner)).toBe(0)
    }
  })
})
