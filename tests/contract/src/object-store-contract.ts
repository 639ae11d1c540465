import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type {
  BlobStoreError,
  ServedObjectStore,
  StoredPart,
  UploadRef,
} from '../../../packages/server/src/ports/index.ts'

export interface StoreUnderTest {
  readonly store: ServedObjectStore
  /** The same objects, opened anew as after a restart. */
  reopen(): Promise<ServedObjectStore>
  dispose(): Promise<void>
  /** Smallest length of every part of an object but the last, in bytes; 1 unless given. */
  readonly smallestPart?: number
  /** Whether parts of one index that were sent again with other bytes stay beside each other; true unless given. */
  readonly keepsAttempts?: boolean
  /** Whether `complete` compares digests with what was received, beside ETags; true unless given. */
  readonly keepsDigests?: boolean
}

const MIB = 1024 * 1024

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const digestOf = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

export async function* chunked(bytes: Uint8Array, size = 64 * 1024): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** What every object store must do; each adapter's own test is a call of this. */
export function objectStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`object store contract: ${name}`, () => {
    let tested: StoreUnderTest
    let store: ServedObjectStore

    beforeAll(async () => {
      tested = await open()
      store = tested.store
    })
    afterAll(async () => {
      await tested.dispose()
    })

    async function sendPart(upload: UploadRef, index: number, bytes: Uint8Array): Promise<StoredPart> {
      const sha256 = digestOf(bytes)
      const { etag } = await store.writePart({ ...upload, index, length: bytes.length, sha256 }, chunked(bytes))
      return { etag, sha256, length: bytes.length }
    }

    /** The least that a part may have that is not the last. */
    const whole = (bytes: number): number => Math.max(bytes, tested.smallestPart ?? 1)

    async function begin(): Promise<UploadRef> {
      const blobId = randomBytes(16)
      return { blobId, uploadId: await store.createUpload(blobId, false) }
    }

    async function idsListed(): Promise<string[]> {
      const ids: string[] = []
      for await (const { blobId } of store.list()) ids.push(Buffer.from(blobId).toString('hex'))
      return ids
    }

    describe('whole objects', () => {
      it('returns what was put, and its length', async () => {
        const blobId = randomBytes(16)
        const bytes = randomBytes(1000)
        await store.putWhole(blobId, bytes, digestOf(bytes))
        expect(await store.stat(blobId)).toEqual({ length: 1000 })
        expect(await collect(await store.read(blobId))).toEqual(bytes)
      })

      it('takes the same bytes again and refuses others', async () => {
        const blobId = randomBytes(16)
        const bytes = randomBytes(100)
        await store.putWhole(blobId, bytes, digestOf(bytes))
        await store.putWhole(blobId, bytes, digestOf(bytes))
        const other = randomBytes(100)
        await expect(store.putWhole(blobId, other, digestOf(other))).rejects.toMatchObject({ code: 'exists' })
        expect(await collect(await store.read(blobId))).toEqual(bytes)
      })

      it('refuses bytes that differ from their digest and keeps nothing', async () => {
        const blobId = randomBytes(16)
        const put = store.putWhole(blobId, randomBytes(100), digestOf(randomBytes(100)))
        await expect(put).rejects.toMatchObject({ code: 'digest_mismatch' })
        expect(await store.stat(blobId)).toBeNull()
      })

      it('lets exactly one of many racing writers win', async () => {
        const blobId = randomBytes(16)
        const candidates = Array.from({ length: 8 }, () => randomBytes(64))
        const results = await Promise.allSettled(
          candidates.map((bytes) => store.putWhole(blobId, bytes, digestOf(bytes))),
        )
        const winners = candidates.filter((_, index) => results[index]?.status === 'fulfilled')
        expect(winners).toHaveLength(1)
        expect(await collect(await store.read(blobId))).toEqual(winners[0])
      })

      it('stores hundreds of small objects at a time', async () => {
        const objects = Array.from({ length: 300 }, () => ({ blobId: randomBytes(16), bytes: randomBytes(200) }))
        await Promise.all(objects.map(({ blobId, bytes }) => store.putWhole(blobId, bytes, digestOf(bytes))))
        const listed = new Set(await idsListed())
        expect(objects.every(({ blobId }) => listed.has(blobId.toString('hex')))).toBe(true)
      })
    })

    describe('uploads in parts', () => {
      it('shows nothing before complete, and the parts in order after it', async () => {
        const upload = await begin()
        const unit = whole(MIB)
        const bytes = randomBytes(2 * unit + 77)
        const pieces = [bytes.subarray(0, unit), bytes.subarray(unit, 2 * unit), bytes.subarray(2 * unit)]
        const parts: StoredPart[] = []
        for (const index of [2, 0, 1]) parts[index] = await sendPart(upload, index, pieces[index] ?? Buffer.alloc(0))
        expect(await store.stat(upload.blobId)).toBeNull()
        expect(await idsListed()).not.toContain(Buffer.from(upload.blobId).toString('hex'))
        await store.complete(upload, parts)
        expect(await store.stat(upload.blobId)).toEqual({ length: bytes.length })
        expect((await collect(await store.read(upload.blobId))).equals(bytes)).toBe(true)
      })

      it('completes an object of one part', async () => {
        const upload = await begin()
        const bytes = randomBytes(5000)
        const part = await sendPart(upload, 0, bytes)
        await store.complete(upload, [part])
        expect(await collect(await store.read(upload.blobId))).toEqual(bytes)
      })

      it('completes again with the same answer', async () => {
        for (const count of [1, 2]) {
          const upload = await begin()
          const parts: StoredPart[] = []
          for (let index = 0; index < count; index += 1) {
            parts.push(await sendPart(upload, index, randomBytes(whole(300))))
          }
          await store.complete(upload, parts)
          await store.complete(upload, parts)
          await (await tested.reopen()).complete(upload, parts)
          expect(await store.stat(upload.blobId)).toEqual({ length: whole(300) * count })
        }
      })

      it('serves any range, within a part and across parts', async () => {
        const upload = await begin()
        const unit = whole(1000)
        const bytes = randomBytes(3 * unit + 10)
        const parts: StoredPart[] = []
        for (let index = 0; index < 4; index += 1) {
          parts.push(await sendPart(upload, index, bytes.subarray(index * unit, (index + 1) * unit)))
        }
        await store.complete(upload, parts)
        const ranges = [
          [0, 1],
          [unit - 1, 2],
          [0, 3 * unit + 10],
          [3 * unit, 10],
          [3 * unit + 9, 1],
          [500, 2 * unit + 200],
        ] as const
        for (const [offset, length] of ranges) {
          const read = await collect(await store.read(upload.blobId, { offset, length }))
          expect(read.equals(bytes.subarray(offset, offset + length))).toBe(true)
        }
        for (const range of [
          { offset: 3 * unit + 10, length: 1 },
          { offset: 0, length: 3 * unit + 11 },
          { offset: -1, length: 2 },
        ]) {
          await expect(store.read(upload.blobId, range)).rejects.toMatchObject({ code: 'range_invalid' })
        }
      })

      it('refuses a part that is shorter, longer or other than announced', async () => {
        const upload = await begin()
        const bytes = randomBytes(200_000)
        const target = { ...upload, index: 0, length: bytes.length, sha256: digestOf(bytes) }
        await expect(store.writePart(target, chunked(bytes.subarray(1)))).rejects.toMatchObject({
          code: 'length_mismatch',
        })
        const longer = Buffer.concat([bytes, randomBytes(1)])
        await expect(store.writePart(target, chunked(longer))).rejects.toMatchObject({ code: 'length_mismatch' })
        await expect(store.writePart(target, chunked(randomBytes(200_000)))).rejects.toMatchObject({
          code: 'digest_mismatch',
        })
        const part = { etag: target.sha256.toString(), sha256: target.sha256, length: bytes.length }
        await expect(store.complete(upload, [part])).rejects.toMatchObject({ code: 'part_missing' })
      })

      it('keeps nothing of a part whose sender breaks off', async () => {
        const upload = await begin()
        const bytes = randomBytes(200_000)
        async function* broken(): AsyncIterable<Uint8Array> {
          yield bytes.subarray(0, 100_000)
          throw new Error('connection lost')
        }
        const target = { ...upload, index: 0, length: bytes.length, sha256: digestOf(bytes) }
        await expect(store.writePart(target, broken())).rejects.toThrow('connection lost')
        const part = await sendPart(upload, 0, bytes)
        await store.complete(upload, [part])
        expect((await collect(await store.read(upload.blobId))).equals(bytes)).toBe(true)
      })

      it('refuses to complete with a part that is missing, foreign or wrong in length', async () => {
        const upload = await begin()
        const first = await sendPart(upload, 0, randomBytes(whole(100)))
        const second = await sendPart(upload, 1, randomBytes(100))
        const foreign = { ...first, sha256: digestOf(randomBytes(1)) }
        const wrongEtag = { ...first, etag: 'x' }
        const attempts: [StoredPart[], number | undefined][] = [
          [[first, second, second], 2],
          [[second, first], 0],
          ...(tested.keepsDigests === false ? [] : ([[[foreign, second], 0]] as [StoredPart[], number][])),
          [[first, { ...second, etag: 'x' }], 1],
          [[wrongEtag, second], 0],
          [[{ ...first, length: 99 }, second], 0],
          [[], undefined],
        ]
        for (const [parts, missing] of attempts) {
          const failure = await store.complete(upload, parts).catch((error: unknown) => error)
          expect(failure).toMatchObject({ code: 'part_missing' })
          // A store may not know which part it is; what it says is right.
          expect([undefined, missing]).toContain((failure as BlobStoreError).part)
        }
        expect(await store.stat(upload.blobId)).toBeNull()
        await store.complete(upload, [first, second])
      })

      it('completes with the attempt that it names, or not at all, when a part was sent twice with other bytes', async () => {
        const upload = await begin()
        const wanted = randomBytes(whole(300))
        const last = randomBytes(10)
        const earlier = await sendPart(upload, 0, wanted)
        await sendPart(upload, 0, randomBytes(whole(300)))
        const parts = [earlier, await sendPart(upload, 1, last)]
        if (tested.keepsAttempts === false) {
          // Whoever completes learns of it, and sends what it wants again.
          await expect(store.complete(upload, parts)).rejects.toMatchObject({ code: 'part_missing', part: 0 })
          parts[0] = await sendPart(upload, 0, wanted)
        }
        await store.complete(upload, parts)
        expect((await collect(await store.read(upload.blobId))).equals(Buffer.concat([wanted, last]))).toBe(true)
      })

      it('refuses a late part after complete, and the object stays as it was', async () => {
        for (const count of [1, 2]) {
          const upload = await begin()
          const parts: StoredPart[] = []
          const unit = whole(300)
          const bytes = randomBytes(unit * count)
          for (let index = 0; index < count; index += 1) {
            parts.push(await sendPart(upload, index, bytes.subarray(unit * index, unit * (index + 1))))
          }
          await store.complete(upload, parts)
          await expect(sendPart(upload, 0, randomBytes(unit))).rejects.toMatchObject({ code: 'not_found' })
          expect((await collect(await store.read(upload.blobId))).equals(bytes)).toBe(true)
        }
      })

      it('refuses a part that is still on its way when the upload completes', async () => {
        const upload = await begin()
        const kept = await sendPart(upload, 0, randomBytes(300))
        const late = randomBytes(300)
        let release = (): void => undefined
        const gate = new Promise<void>((resolve) => {
          release = resolve
        })
        async function* slow(): AsyncIterable<Uint8Array> {
          yield late.subarray(0, 100)
          await gate
          yield late.subarray(100)
        }
        const target = { ...upload, index: 0, length: 300, sha256: digestOf(late) }
        const writing = store.writePart(target, slow())
        const refused = expect(writing).rejects.toMatchObject({ code: 'not_found' })
        await store.complete(upload, [kept])
        release()
        await refused
      })

      it('lets the first of two uploads of one blob win and refuses the other', async () => {
        const first = await begin()
        const second = { blobId: first.blobId, uploadId: await store.createUpload(first.blobId, false) }
        const firstParts = [await sendPart(first, 0, randomBytes(whole(10))), await sendPart(first, 1, randomBytes(10))]
        const secondParts = [await sendPart(second, 0, randomBytes(30))]
        await store.complete(first, firstParts)
        await expect(store.complete(second, secondParts)).rejects.toMatchObject({ code: 'exists' })
        expect(await store.stat(first.blobId)).toEqual({ length: whole(10) + 10 })
      })

      it('forgets an aborted upload; aborting again succeeds', async () => {
        const upload = await begin()
        const part = await sendPart(upload, 0, randomBytes(10))
        await store.abort(upload)
        await store.abort(upload)
        await expect(store.complete(upload, [part])).rejects.toMatchObject({ code: 'part_missing' })
        await expect(sendPart(upload, 0, randomBytes(10))).rejects.toMatchObject({ code: 'not_found' })
      })

      it('treats an upload id that was not made here as unknown', async () => {
        for (const uploadId of ['', '../../escape', 'a'.repeat(24)]) {
          const upload = { blobId: randomBytes(16), uploadId }
          await expect(sendPart(upload, 0, randomBytes(10))).rejects.toMatchObject({ code: 'not_found' })
          await store.abort(upload)
        }
      })

      it('goes on with an upload after a restart', async () => {
        const upload = await begin()
        const unit = whole(1000)
        const bytes = randomBytes(unit + 1000)
        const first = await sendPart(upload, 0, bytes.subarray(0, unit))
        store = await tested.reopen()
        const second = await sendPart(upload, 1, bytes.subarray(unit))
        await store.complete(upload, [first, second])
        store = await tested.reopen()
        expect((await collect(await store.read(upload.blobId))).equals(bytes)).toBe(true)
      })
    })

    it('deletes objects of one and of many parts; deleting again succeeds', async () => {
      for (const count of [1, 3]) {
        const upload = await begin()
        const parts: StoredPart[] = []
        for (let index = 0; index < count; index += 1) {
          parts.push(await sendPart(upload, index, randomBytes(whole(10))))
        }
        await store.complete(upload, parts)
        await store.delete(upload.blobId)
        await store.delete(upload.blobId)
        expect(await store.stat(upload.blobId)).toBeNull()
        await expect(store.read(upload.blobId)).rejects.toMatchObject({ code: 'not_found' })
      }
    })

    it('lists every finished object with its length', async () => {
      const blobId = randomBytes(16)
      await store.putWhole(blobId, Buffer.alloc(42), digestOf(Buffer.alloc(42)))
      const found: { length: number; modifiedMs: number }[] = []
      for await (const entry of store.list()) if (blobId.equals(entry.blobId)) found.push(entry)
      expect(found).toHaveLength(1)
      expect(found[0]?.length).toBe(42)
      expect(Math.abs((found[0]?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000)
    })

    it('lists every upload until it is completed or aborted', async () => {
      const listed = async () => {
        const ids = new Set<string>()
        for await (const { blobId, uploadId } of store.listUploads()) ids.add(`${toHex(blobId)} ${uploadId}`)
        return ids
      }
      const [aborted, completed, left] = [await begin(), await begin(), await begin()]
      const part = await sendPart(completed, 0, randomBytes(10))
      const nameOf = ({ blobId, uploadId }: UploadRef) => `${toHex(blobId)} ${uploadId}`
      expect([...(await listed())]).toEqual(expect.arrayContaining([aborted, completed, left].map(nameOf)))
      await store.abort(aborted)
      await store.complete(completed, [part])
      const after = await listed()
      expect([aborted, completed, left].map((upload) => after.has(nameOf(upload)))).toEqual([false, false, true])
      await store.abort(left)
    })

    it('creates a named object once, whoever races', async () => {
      expect(await store.readNamed('setup-a')).toBeNull()
      const candidates = Array.from({ length: 5 }, () => randomBytes(32))
      const created = await Promise.all(candidates.map((bytes) => store.createNamed('setup-a', bytes)))
      expect(created.filter(Boolean)).toHaveLength(1)
      expect(await (await tested.reopen()).readNamed('setup-a')).toEqual(candidates[created.indexOf(true)])
      await store.replaceNamed('setup-a', Buffer.from('another'))
      await store.replaceNamed('setup-b', Buffer.from('first'))
      expect(Buffer.from((await (await tested.reopen()).readNamed('setup-a')) ?? []).toString()).toBe('another')
      expect(Buffer.from((await store.readNamed('setup-b')) ?? []).toString()).toBe('first')
      await expect(store.replaceNamed('../escape', randomBytes(1))).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.createNamed('../escape', randomBytes(1))).rejects.toMatchObject({ code: 'not_found' })
    })

    it('says that it is usable', async () => {
      await store.check()
    })
  })
}
