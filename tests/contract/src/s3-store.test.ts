import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openS3Store } from '../../../packages/server/src/adapters/blob/s3.ts'
import type { BlobStore, PartTarget, ServedObjectStore, StoredPart } from '../../../packages/server/src/ports/index.ts'
import { type TestBucket, useBucket } from '../../dev-env/engines/bucket.ts'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import { chunked, collect, digestOf, objectStoreContract } from './object-store-contract.ts'

const MIB = 1024 * 1024
const MINUTE = 60_000

function optionsFor(bucket: TestBucket, prefix: string) {
  const { endpoint, region } = bucket.ceph
  return { bucket: bucket.raw.name, prefix, endpoint, region, forcePathStyle: true }
}

describe.skipIf(isLeftOut('ceph'))('bucket', () => {
  objectStoreContract('a bucket of Ceph', async () => {
    const bucket = await useBucket()
    Object.assign(process.env, bucket.env)
    const options = optionsFor(bucket, 'some/prefix/')
    const store = await openS3Store(options)
    return {
      store,
      reopen: () => openS3Store(options),
      dispose: () => store.close(),
      smallestPart: 5 * MIB,
      keepsAttempts: false,
      keepsDigests: false,
    }
  })

  describe('presigned addresses of a bucket', () => {
    let bucket: TestBucket
    let store: ServedObjectStore & BlobStore

    beforeAll(async () => {
      bucket = await useBucket()
      Object.assign(process.env, bucket.env)
      store = await openS3Store(optionsFor(bucket, ''))
    })
    afterAll(() => store.close())

    async function begin(single: boolean): Promise<(index: number, bytes: Uint8Array) => PartTarget> {
      const blobId = randomBytes(16)
      const uploadId = await store.createUpload(blobId, single)
      return (index, bytes) => ({ blobId, uploadId, index, length: bytes.length, sha256: digestOf(bytes) })
    }

    async function send(
      target: PartTarget,
      bytes: Uint8Array,
      change: { headers?: Record<string, string>; url?: (url: string) => string } = {},
    ) {
      const { url, headers } = await store.presignPart(target, Date.now() + MINUTE)
      const response = await fetch(change.url?.(url) ?? url, {
        method: 'PUT',
        headers: { ...headers, ...change.headers },
        body: new Uint8Array(bytes),
      })
      const text = await response.text()
      return { status: response.status, etag: response.headers.get('etag') ?? '', text }
    }

    const stored = (target: PartTarget, etag: string): StoredPart => ({
      etag,
      sha256: target.sha256,
      length: target.length,
    })

    it.each([true, false])('take exactly the bytes that they were made for (single: %s)', async (single) => {
      const bytes = randomBytes(1000)
      const target = (await begin(single))(0, bytes)
      const wrong = { 'x-amz-checksum-sha256': Buffer.from(digestOf(randomBytes(1))).toString('base64') }
      expect(await send(target, bytes.subarray(1))).toMatchObject({ status: 403 })
      expect(await send(target, Buffer.concat([bytes, bytes]))).toMatchObject({ status: 403 })
      expect(await send(target, bytes, { headers: wrong })).toMatchObject({ status: 403 })
      expect(await send(target, randomBytes(1000))).toMatchObject({ status: 400 })
      expect(await send(target, bytes, { url: (url) => url.replace(/Expires=\d+/, 'Expires=299') })).toMatchObject({
        status: 403,
      })
      expect(await store.stat(target.blobId)).toBeNull()
      const { status, etag } = await send(target, bytes)
      expect(status).toBe(200)
      await store.complete(target, [stored(target, etag)])
      expect(await collect(await store.read(target.blobId))).toEqual(bytes)
    })

    it('expire, and name one origin, one object and one method', async () => {
      const bytes = randomBytes(1000)
      const target = (await begin(true))(0, bytes)
      await send(target, bytes)
      const url = await store.presignGet(target.blobId, 1000, Date.now() + MINUTE)
      expect(store.origins).toEqual([bucket.ceph.endpoint])
      expect(new URL(url).origin).toBe(bucket.ceph.endpoint)
      expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(bytes)
      const range = await fetch(url, { headers: { range: 'bytes=10-19' } })
      expect([range.status, range.headers.get('content-range')]).toEqual([206, 'bytes 10-19/1000'])
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(403)
      const other = randomBytes(16).toString('hex')
      expect((await fetch(url.replace(/objects\/[0-9a-f]+/, `objects/${other}`))).status).toBe(403)
      expect((await fetch(url.replace(/objects\/[0-9a-f]+/, 'named/write-once-probe'))).status).toBe(403)
      const brief = await store.presignGet(target.blobId, 1000, Date.now() + 1000)
      await delay(3000)
      expect((await fetch(brief)).status).toBe(403)
      expect((await fetch(url)).status).toBe(200)
    })

    it('change nothing that was completed, however late they are used', async () => {
      for (const single of [true, false]) {
        const target = await begin(single)
        const [bytes, others] = [randomBytes(1000), randomBytes(1000)]
        const late = await store.presignPart(target(0, others), Date.now() + MINUTE)
        const { etag } = await send(target(0, bytes), bytes)
        await store.complete(target(0, bytes), [stored(target(0, bytes), etag)])
        const answer = await fetch(late.url, { method: 'PUT', headers: late.headers, body: new Uint8Array(others) })
        expect(answer.status).toBe(single ? 412 : 404)
        expect(await collect(await store.read(target(0, bytes).blobId))).toEqual(bytes)
      }
    })

    it('let a client that lost the answer to its only part say so, and hold the object against its digest', async () => {
      const target = await begin(true)
      const bytes = randomBytes(1000)
      expect((await send(target(0, bytes), bytes)).status).toBe(200)
      expect((await send(target(0, bytes), bytes)).status).toBe(412)
      const foreign = target(0, randomBytes(1000))
      await expect(store.complete(foreign, [stored(foreign, '*')])).rejects.toMatchObject({ code: 'exists' })
      await expect(store.complete(foreign, [stored(foreign, '"0"')])).rejects.toMatchObject({ code: 'part_missing' })
      await store.complete(target(0, bytes), [stored(target(0, bytes), '*')])
      await store.complete(target(0, bytes), [stored(target(0, bytes), '*')])
    })

    it('are not completed by the ETag of another upload, nor by one of a part that was sent over', async () => {
      const target = await begin(false)
      const [first, again, last] = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(10)]
      const parts = [
        stored(target(0, first), (await send(target(0, first), first)).etag),
        stored(target(1, last), (await send(target(1, last), last)).etag),
      ]
      // A late request of an earlier attempt.
      await send(target(0, again), again)
      await expect(store.complete(target(0, first), parts)).rejects.toMatchObject({ code: 'part_missing', part: 0 })
      parts[0] = stored(target(0, first), (await send(target(0, first), first)).etag)
      await store.complete(target(0, first), parts)
      await store.complete(target(0, first), parts)
      const others = [
        { ...(parts[0] as StoredPart), etag: '"0123456789abcdef0123456789abcdef"' },
        parts[1] as StoredPart,
      ]
      await expect(store.complete(target(0, first), others)).rejects.toMatchObject({ code: 'exists' })
    })

    it('leave an upload that this server may complete by parts that went through it', async () => {
      const target = await begin(true)
      const bytes = randomBytes(3000)
      const { etag } = await store.writePart(target(0, bytes), chunked(bytes))
      expect((await store.writePart(target(0, bytes), chunked(bytes))).etag).toBe(etag)
      const others = randomBytes(3000)
      await expect(store.writePart(target(0, others), chunked(others))).rejects.toMatchObject({ code: 'exists' })
      await store.complete(target(0, bytes), [stored(target(0, bytes), etag)])
    })
  })

  it('keeps to its prefix, beside another store in the same bucket and objects of others', async () => {
    const bucket = await useBucket(`odd.${randomBytes(4).toString('hex')}-1`)
    Object.assign(process.env, bucket.env)
    const [one, two] = [await openS3Store(optionsFor(bucket, 'a/')), await openS3Store(optionsFor(bucket, 'a/b.c_d/'))]
    await bucket.raw.put('a/objects/readme.txt', Buffer.from('not a blob'))
    await bucket.raw.beginUpload('a/objects/readme.txt')
    const bytes = randomBytes(100)
    const blobId = randomBytes(16)
    await one.putWhole(blobId, bytes, digestOf(bytes))
    const upload = { blobId, uploadId: await two.createUpload(blobId, false) }
    const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
      const found: T[] = []
      for await (const item of source) found.push(item)
      return found
    }
    expect((await all(one.list())).map((found) => Buffer.from(found.blobId))).toEqual([blobId])
    expect(await all(two.list())).toEqual([])
    expect(await all(one.listUploads())).toEqual([])
    expect(await all(two.listUploads())).toMatchObject([{ uploadId: upload.uploadId }])
    expect(await two.stat(blobId)).toBeNull()
    await two.delete(blobId)
    expect(await one.stat(blobId)).toEqual({ length: 100 })
    await Promise.all([one.close(), two.close()])
  })

  it('lists objects, uploads and parts that one answer does not hold', async () => {
    const bucket = await useBucket()
    Object.assign(process.env, bucket.env)
    const store = await openS3Store({ ...optionsFor(bucket, ''), pageSize: 3 })
    const ids = Array.from({ length: 10 }, () => randomBytes(16).toString('hex'))
    const uploads = new Set<string>()
    for (const id of ids) {
      await bucket.raw.put(`objects/${id}`, Buffer.from(id))
      // Of one object too, so that an answer may end between two of them.
      for (let count = 0; count < 2; count += 1) uploads.add(await store.createUpload(Buffer.from(id, 'hex'), false))
    }
    const found = { objects: new Set<string>(), uploads: new Set<string>() }
    for await (const { blobId } of store.list()) found.objects.add(Buffer.from(blobId).toString('hex'))
    for await (const { uploadId } of store.listUploads()) found.uploads.add(uploadId)
    expect(found).toEqual({ objects: new Set(ids), uploads })

    const blobId = randomBytes(16)
    const upload = { blobId, uploadId: await store.createUpload(blobId, false) }
    const parts: StoredPart[] = []
    for (let index = 0; index < 5; index += 1) {
      const bytes = randomBytes(5 * MIB)
      const part = { sha256: digestOf(bytes), length: bytes.length }
      parts.push({ ...part, ...(await store.writePart({ ...upload, index, ...part }, chunked(bytes))) })
    }
    await store.complete(upload, parts)
    expect(await store.stat(blobId)).toEqual({ length: 25 * MIB })
    await store.close()
  })
})
