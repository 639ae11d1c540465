import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusalOf } from '../domain/dependency-errors.ts'
import { BlobStoreError, KeyManagementError, type ServedObjectStore } from '../ports/index.ts'
import {
  commit,
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
let failing: BlobStoreError | null = null
let cutBy = 0

/** The real store, full, away or damaged when a test says so. */
function fragile(objects: ServedObjectStore): ServedObjectStore {
  return {
    ...objects,
    putWhole: async (...input) => {
      if (failing !== null) throw failing
      return objects.putWhole(...input)
    },
    writePart: async (...input) => {
      if (failing !== null) throw failing
      return objects.writePart(...input)
    },
    complete: async (...input) => {
      if (failing !== null) throw failing
      return objects.complete(...input)
    },
    stat: async (blobId) => {
      const found = await objects.stat(blobId)
      return found === null ? null : { length: found.length - cutBy }
    },
    check: async () => {
      if (failing !== null) throw failing
    },
  }
}

beforeAll(async () => {
  server = await createTestServer({ wrapObjects: fragile })
  ann = await registerAccount(server)
})
afterAll(() => server.close())

function smallBlob() {
  const bytes = new Uint8Array(randomBytes(600))
  return { blobId: randomId(), blobLength: 600, partSize: PART_SIZE, part: { sha256: sha256(bytes), bytes } }
}

describe('a store', () => {
  it('that is full answers 507, and the same reservation works once there is room', async () => {
    const blobs = [smallBlob(), smallBlob()]
    failing = new BlobStoreError('full', 'no room')
    const refused = await ann.ask('blobsReserve', { body: { blobs } })
    expect([refused.status, refused.code]).toEqual([507, 'storage_full'])
    failing = null
    const answer = (await ann.ask('blobsReserve', { body: { blobs } })).value()
    expect(answer.blobs.map((blob) => blob.state)).toEqual(['stored', 'stored'])
  })

  it('that is away answers 503 with Retry-After, and is not ready', async () => {
    failing = new BlobStoreError('unavailable', 'away')
    const refused = await ann.ask('blobsReserve', { body: { blobs: [smallBlob()] } })
    expect([refused.status, refused.code, refused.headers['retry-after']]).toEqual([503, 'unavailable', '5'])
    const ready = await server.app.inject({ method: 'GET', url: '/readyz' })
    expect(ready.statusCode).toBe(503)
    expect((await server.app.inject({ method: 'GET', url: '/healthz' })).statusCode).toBe(200)
    failing = null
  })

  it('that fails while an upload is completed leaves it as it was, to be completed later', async () => {
    const blobId = randomId()
    ;(await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })).value()
    const bytes = new Uint8Array(randomBytes(600))
    const part = { blobId, index: 0, length: 600, sha256: sha256(bytes) }
    const [signed] = (await ann.ask('blobsParts', { body: { parts: [part] } })).value().parts
    const put = () =>
      server.app.inject({
        method: 'PUT',
        url: signed?.url ?? '',
        headers: { ...signed?.headers },
        payload: Buffer.from(bytes),
      })
    failing = new BlobStoreError('full', 'no room')
    expect((await put()).json().code).toBe('storage_full')
    failing = null
    const etag = String((await put()).headers.etag)
    const body = { blobs: [{ blobId, blobLength: 600, parts: [{ etag, sha256: part.sha256 }] }] }
    failing = new BlobStoreError('unavailable', 'away')
    expect((await ann.ask('blobsComplete', { body })).code).toBe('unavailable')
    failing = null
    expect((await ann.ask('blobsComplete', { body })).code).toBe('ok')
  })

  it('whose object is cut or missing answers stored_data_damaged', async () => {
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    const body = { vaultId: ann.state.vaultId, blobIds: [blobId] }
    const [opened] = (await ann.ask('blobsOpen', { body })).value().blobs
    cutBy = 1
    const cut = await server.app.inject({ method: 'GET', url: opened?.url ?? '' })
    expect([cut.statusCode, cut.json().code]).toEqual([500, 'stored_data_damaged'])
    cutBy = 0
    await server.objects.delete(blobId)
    const missing = await server.app.inject({ method: 'GET', url: opened?.url ?? '' })
    expect(missing.json().code).toBe('stored_data_damaged')
  })
})

describe('a database', () => {
  it('whose connections break answers 503 or the right answer, and recovers by itself', async () => {
    const kill = () =>
      sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`.execute(server.database)
    for (let times = 0; times < 5; times += 1) {
      const answers = await Promise.all([
        ...[1, 2, 3, 4].map(() => ann.ask('account', {})),
        kill().then(
          () => null,
          () => null,
        ),
      ])
      for (const answer of answers) if (answer !== null) expect(['ok', 'unavailable']).toContain(answer.code)
    }
    // A connection whose end the pool has not heard of yet may cost one more answer.
    await expect.poll(async () => (await ann.ask('account', {})).code, { timeout: 10_000 }).toBe('ok')
  })

  it('that is away answers 503 with Retry-After and no detail', async () => {
    const away = await createTestServer()
    await away.database.destroy()
    const answer = await away.app.inject({
      method: 'POST',
      url: '/v1/login/start',
      payload: { login: 'ann', request: 'AAAA' },
    })
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable'])
    expect(answer.headers['retry-after']).toBe('5')
    expect(JSON.stringify(away.logs)).not.toContain('ann')
    await away.close()
  })
})

describe('failures', () => {
  it('of dependencies become the refusal that tells the caller what to do', () => {
    const pg = (code: string) => Object.assign(new Error('x'), { code })
    const code = (error: unknown) => refusalOf(error)?.code ?? null
    for (const one of ['57P01', '57P03', '08006', '53300', '40P01', 'ECONNREFUSED', 'ENOENT']) {
      expect(code(pg(one)), one).toBe('unavailable')
    }
    expect(code(pg('53100'))).toBe('storage_full')
    expect(code(pg('ENOSPC'))).toBe('storage_full')
    expect(code(new AggregateError([pg('ECONNREFUSED')]))).toBe('unavailable')
    expect(code(new KeyManagementError('unavailable', 'x'))).toBe('unavailable')
    expect(code(new KeyManagementError('key_unusable', 'x'))).toBe('keys_frozen')
    expect(code(new KeyManagementError('invalid_ciphertext', 'x'))).toBe('stored_data_damaged')
    expect(code(pg('23505'))).toBeNull()
    expect(code(new TypeError('x'))).toBeNull()
    expect(code('x')).toBeNull()
  })
})
