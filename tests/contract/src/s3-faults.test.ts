import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openS3Store } from '../../../packages/server/src/adapters/blob/s3.ts'
import {
  type BlobStore,
  BlobStoreError,
  type PartTarget,
  type ServedObjectStore,
  type StoredPart,
} from '../../../packages/server/src/ports/index.ts'
import { type TestBucket, useBucket } from '../../dev-env/engines/bucket.ts'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import { type Fault, type Seen, type StoreProxy, startStoreProxy } from '../../dev-env/engines/store-proxy.ts'
import { chunked, collect, digestOf } from './object-store-contract.ts'

const MIB = 1024 * 1024
// Reason: on a busy machine Ceph itself takes seconds; only what waits for silence is impatient.
const PATIENCE = { silenceMs: 15_000, requestMs: 45_000 }
const IMPATIENCE = { silenceMs: 2_000, requestMs: 8_000 }

describe.skipIf(isLeftOut('ceph'))('a bucket behind a bad network', () => {
  let bucket: TestBucket
  let proxy: StoreProxy
  let store: ServedObjectStore & BlobStore
  let impatient: ServedObjectStore & BlobStore

  beforeAll(async () => {
    bucket = await useBucket()
    Object.assign(process.env, bucket.env)
    proxy = await startStoreProxy(bucket.ceph.endpoint)
    store = await open()
    impatient = await open({ patience: IMPATIENCE })
  })
  beforeEach(() => proxy.relax())
  afterAll(async () => {
    await store?.close()
    await impatient?.close()
    await proxy?.[Symbol.asyncDispose]()
  })

  function open(change: { bucket?: string; prefix?: string; endpoint?: string; patience?: typeof PATIENCE } = {}) {
    return openS3Store({
      bucket: bucket.raw.name,
      prefix: 'secret-prefix/',
      endpoint: proxy.url,
      region: bucket.ceph.region,
      forcePathStyle: true,
      patience: PATIENCE,
      ...change,
    })
  }

  /** The fault meets the first `times` requests that match. */
  function break_(fault: Fault, times = 1, matches: (seen: Seen) => boolean = () => true): void {
    let left = times
    proxy.intercept((seen) => {
      if (left <= 0 || !matches(seen)) return null
      left -= 1
      return fault
    })
  }

  async function upload(count: number): Promise<{ target: PartTarget; parts: StoredPart[]; bytes: Buffer }> {
    const blobId = randomBytes(16)
    const uploadId = await store.createUpload(blobId, false)
    const bytes = randomBytes((count - 1) * 5 * MIB + 1000)
    const parts: StoredPart[] = []
    for (let index = 0; index < count; index += 1) {
      const piece = bytes.subarray(index * 5 * MIB, (index + 1) * 5 * MIB)
      const sha256 = digestOf(piece)
      const target = { blobId, uploadId, index, length: piece.length, sha256 }
      parts.push({ ...(await store.writePart(target, chunked(piece))), sha256, length: piece.length })
    }
    return { target: { blobId, uploadId, index: 0, length: 0, sha256: new Uint8Array(32) }, parts, bytes }
  }

  const passing: readonly Fault[] = [
    { kind: 'status', status: 503, code: 'SlowDown' },
    { kind: 'status', status: 500, code: 'InternalError' },
    { kind: 'status', status: 502, code: 'BadGateway' },
    { kind: 'reset' },
    { kind: 'lost' },
  ]

  it.each(passing)('does its work when the first answer is: %j', async (fault) => {
    const bytes = randomBytes(500)
    const blobId = randomBytes(16)
    break_(fault)
    await store.putWhole(blobId, bytes, digestOf(bytes))
    break_(fault)
    expect(await store.stat(blobId)).toEqual({ length: 500 })
    break_(fault)
    expect(await collect(await store.read(blobId))).toEqual(bytes)
    proxy.relax()
    const { target, parts, bytes: all } = await upload(2)
    break_(fault, 1, ({ method }) => method === 'POST')
    await store.complete(target, parts)
    expect((await collect(await store.read(target.blobId))).equals(all)).toBe(true)
    break_(fault)
    await store.delete(blobId)
    expect(await store.stat(blobId)).toBeNull()
    break_(fault)
    expect((await store.createUpload(randomBytes(16), false)).length).toBeGreaterThan(2)
    break_(fault)
    await store.check()
    break_(fault)
    let listed = 0
    for await (const _ of store.list()) listed += 1
    expect(listed).toBeGreaterThan(0)
  })

  it('sends a small object without the SDK, and by it where that was not taken', async () => {
    const puts = async (faults: readonly Fault[], bytes = randomBytes(500), blobId = randomBytes(16)) => {
      const bare: boolean[] = []
      const left = [...faults]
      proxy.intercept(({ headers }) => {
        bare.push(headers['x-amz-user-agent'] === undefined)
        return left.shift() ?? null
      })
      await store.putWhole(blobId, bytes, digestOf(bytes))
      proxy.relax()
      expect(await collect(await store.read(blobId))).toEqual(bytes)
      return bare
    }
    expect(await puts([])).toEqual([true])
    expect(await puts([{ kind: 'status', status: 503, code: 'SlowDown' }])).toEqual([true, false])
    expect(await puts([{ kind: 'reset' }])).toEqual([true, false])
    // Stored at first, so that the second request and the third, which reads the object, find it.
    expect(await puts([{ kind: 'lost' }])).toEqual([true, false, false])
  })

  it('asks again where nothing comes back', async () => {
    const bytes = randomBytes(500)
    const blobId = randomBytes(16)
    break_({ kind: 'stall' })
    await impatient.putWhole(blobId, bytes, digestOf(bytes))
    break_({ kind: 'stall' })
    expect(await collect(await impatient.read(blobId))).toEqual(bytes)
  })

  it('makes a named object once although the answer to it got lost, and everybody reads the same', async () => {
    break_({ kind: 'lost' }, 1, ({ method }) => method === 'PUT')
    const created = await store.createNamed('lost-answer', Buffer.from('one'))
    proxy.relax()
    // The repetition finds the object of the first attempt: whoever made it has to read it.
    expect(created).toBe(false)
    expect(Buffer.from((await store.readNamed('lost-answer')) ?? []).toString()).toBe('one')
  })

  it.each<[Fault, string]>([
    [{ kind: 'status', status: 503, code: 'SlowDown' }, 'unavailable'],
    [{ kind: 'status', status: 500, code: 'InternalError' }, 'unavailable'],
    [{ kind: 'status', status: 403, code: 'AccessDenied' }, 'unavailable'],
    [{ kind: 'status', status: 403, code: 'InvalidAccessKeyId' }, 'unavailable'],
    [{ kind: 'status', status: 403, code: 'QuotaExceeded' }, 'full'],
    [{ kind: 'status', status: 507, code: 'XMinioStorageFull' }, 'full'],
    [{ kind: 'status', status: 301, code: 'PermanentRedirect' }, 'unavailable'],
    [{ kind: 'status', status: 418, code: '<secret>' }, 'unavailable'],
    [{ kind: 'answer', status: 200, headers: {}, body: Buffer.from('<secret') }, 'unavailable'],
    [{ kind: 'reset' }, 'unavailable'],
    [{ kind: 'stall' }, 'unavailable'],
  ])('gives up in bounded time, and says nothing of names and addresses: %j', async (fault, code) => {
    const { target, parts } = await upload(1)
    proxy.intercept(() => fault)
    const bytes = randomBytes(10)
    const isAnswer = fault.kind === 'answer'
    const asked = fault.kind === 'stall' ? impatient : store
    const attempts: (() => Promise<unknown>)[] = [
      () => asked.complete(target, parts),
      () => asked.createUpload(randomBytes(16), false),
      () => asked.readNamed('opaque-setup').then((found) => (isAnswer ? Promise.reject(refusal()) : found)),
      // An empty 200 is what a PUT is answered.
      () => (isAnswer ? Promise.reject(refusal()) : asked.putWhole(randomBytes(16), bytes, digestOf(bytes))),
    ]
    const failures = await Promise.all(attempts.map((attempt) => attempt().catch((error: unknown) => error)))
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(BlobStoreError)
      expect(failure).toMatchObject({ code })
      expect((failure as Error).message).not.toMatch(/secret|127\.0\.0\.1|objects/)
    }
    proxy.relax()
    await store.complete(target, parts)
  })

  it.each<Fault>([{ kind: 'half' }, { kind: 'trickle' }])(
    'never takes half an answer for the whole: %j',
    async (fault) => {
      const bytes = randomBytes(300_000)
      const blobId = randomBytes(16)
      await store.putWhole(blobId, bytes, digestOf(bytes))
      break_(fault, 100, ({ method }) => method === 'GET')
      await expect((async () => collect(await impatient.read(blobId)))()).rejects.toMatchObject({ code: 'unavailable' })
      await expect(
        (async () => collect(await impatient.read(blobId, { offset: 5, length: 200_000 })))(),
      ).rejects.toMatchObject({ code: 'unavailable' })
    },
  )

  it('keeps a listing that breaks off from looking like a whole one', async () => {
    break_({ kind: 'status', status: 503 }, 100, ({ path }) => path.includes('list-type=2'))
    await expect(
      (async () => {
        for await (const _ of store.list());
      })(),
    ).rejects.toMatchObject({ code: 'unavailable' })
  })

  describe('at the start', () => {
    it.each<[string, () => Promise<unknown>, RegExp]>([
      ['no such bucket', () => open({ bucket: 'not-there' }), /does not exist: make it first/],
      ['nothing listens', () => open({ endpoint: 'http://127.0.0.1:9' }), /nothing listens there/],
      ['an unknown host', () => open({ endpoint: 'http://store.invalid' }), /name is not known/],
      ['no write permission', () => refused(403, 'AccessDenied'), /policy of this server/],
      ['unknown keys', () => refused(403, 'InvalidAccessKeyId'), /refuses the AWS credentials/],
      ['a wrong secret', () => refused(403, 'SignatureDoesNotMatch'), /refuses the AWS credentials/],
      ['expired keys', () => refused(400, 'ExpiredToken'), /have expired/],
      ['a wrong clock', () => refused(403, 'RequestTimeTooSkewed'), /clock of this machine/],
      ['another region', () => refused(301, 'PermanentRedirect'), /another region/],
    ])('tells the operator in one line: %s', async (_, attempt, line) => {
      const failure = await attempt().catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(BlobStoreError)
      expect((failure as Error).message).toMatch(line)
      expect((failure as Error).message).not.toMatch(/\n|secret|127\.0\.0\.1/)
    })

    it('refuses a store that overwrites what must be written once', async () => {
      proxy.intercept(({ method }) =>
        method === 'PUT' ? { kind: 'answer', status: 200, headers: { etag: '"x"' }, body: Buffer.alloc(0) } : null,
      )
      await expect(open({ prefix: 'other/' })).rejects.toThrow(/ignores If-None-Match/)
    })

    it('trusts a store with checksums that shows that it keeps them', async () => {
      const checksum = Buffer.from(digestOf(Buffer.from('Strongroom was here.\n'))).toString('base64')
      proxy.intercept(({ method }) =>
        method === 'HEAD' ? { kind: 'headers', headers: { 'x-amz-checksum-sha256': checksum } } : null,
      )
      const trusting = await open()
      const target = {
        blobId: randomBytes(16),
        uploadId: 'single',
        index: 0,
        length: 5,
        sha256: digestOf(randomBytes(5)),
      }
      const part = await trusting.presignPart(target, Date.now() + 60_000)
      expect(Object.keys(part.headers).sort()).toEqual(['if-none-match', 'x-amz-checksum-sha256'])
      expect(new URL(part.url).searchParams.get('X-Amz-SignedHeaders')).toBe(
        'content-length;host;if-none-match;x-amz-checksum-sha256',
      )
      await trusting.close()
      const doubting = await store.presignPart(target, Date.now() + 60_000)
      expect(doubting.headers).toHaveProperty('x-amz-content-sha256')
    })

    function refused(status: number, code: string): Promise<unknown> {
      proxy.intercept(() => ({ kind: 'status', status, code }))
      return open()
    }
  })
})

function refusal(): BlobStoreError {
  return new BlobStoreError('unavailable', 'not tried')
}
