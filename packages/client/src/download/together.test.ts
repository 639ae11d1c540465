import { asBlobId, contentLayout } from '@strongroom/crypto'
import { describe, expect, it } from 'vitest'
import type { Transport } from '../ports.ts'
import { createStoreAccess } from '../transport/store.ts'
import type { OpenBlob } from './open.ts'
import { fetchTogether } from './together.ts'

const server = 'https://files.example.org'
const KIB = 1024

/** As far as it is looked at here. */
function blobOf(index: number, size: number, url = `/v1/store/objects?blob=${index}`): OpenBlob {
  const record = { blobId: asBlobId(new Uint8Array(16).fill(index)) }
  return { record, layout: contentLayout(size), url } as unknown as OpenBlob
}

/** A store whose objects are their index, as often as they are long. */
function storeOf(blobs: readonly OpenBlob[], change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes) {
  const asked: string[][] = []
  const rooms: ArrayBuffer[] = []
  const taken: number[] = []
  const transport: Transport = async (url, { method, body }) => {
    expect([method, url]).toEqual(['POST', `${server}/v1/store/batch`])
    const { urls } = JSON.parse(String(body)) as { urls: string[] }
    asked.push(urls)
    const found = urls.map((each) => blobs.findIndex((blob) => blob.url === each))
    const bytes = Buffer.concat(found.map((index) => Buffer.alloc(blobs[index]?.layout.blobLength ?? 0, index)))
    const answer = async (_: number, into = new Uint8Array(0)) => {
      const changed = change(new Uint8Array(bytes))
      // As a transport does whose caller's memory is too small.
      if (changed.length > into.length) return new Uint8Array(changed)
      into.set(changed)
      rooms.push(into.buffer)
      return into.subarray(0, changed.length)
    }
    return { status: 200, header: () => null, bytes: answer }
  }
  const clock = { nowMs: () => 0, sleep: async () => undefined }
  const access = createStoreAccess({ server, origins: ['https://s3.example.net'], transport, clock })
  const limiter = {
    take: async (bytes: number) => {
      taken.push(bytes)
    },
  }
  fetchTogether(access, blobs, { limiter })
  const part = async (index: number) => (await blobs[index]?.early?.()) ?? null
  return { asked, taken, rooms, part, take: async (index: number) => (await part(index))?.bytes ?? null }
}

describe('small blobs', () => {
  it('come together, each part once, and large ones and loners by themselves', async () => {
    const blobs = [blobOf(0, 100), blobOf(1, 300 * KIB), blobOf(2, 0), blobOf(3, 100 * KIB), blobOf(4, 9 * 1024 * KIB)]
    const { asked, taken, take } = storeOf(blobs)
    const [first, fourth] = [await take(0), await take(3)]
    expect(first).toEqual(new Uint8Array(blobs[0]?.layout.blobLength ?? 0).fill(0))
    expect(fourth).toEqual(new Uint8Array(blobs[3]?.layout.blobLength ?? 0).fill(3))
    expect(blobs.map(({ early }) => early !== undefined)).toEqual([false, false, true, false, false])
    expect(asked).toHaveLength(1)
    expect(taken).toEqual([[0, 2, 3].reduce((sum, index) => sum + (blobs[index]?.layout.blobLength ?? 0), 0)])
    const lone = blobOf(0, 5)
    storeOf([lone])
    expect(lone.early).toBeUndefined()
  })

  it('are asked for one answer ahead, and forgotten two answers later', async () => {
    // Nine fit into an answer.
    const blobs = Array.from({ length: 45 }, (_, index) => blobOf(index, 210 * KIB))
    const { asked, take } = storeOf(blobs)
    expect(asked).toHaveLength(0)
    expect((await take(0))?.[0]).toBe(0)
    expect(asked.map((urls) => urls.length)).toEqual([9, 9])
    expect((await take(1))?.[0]).toBe(1)
    expect(asked).toHaveLength(2)
    expect((await take(18))?.[0]).toBe(18)
    expect(asked).toHaveLength(4)
    expect(await take(2)).toBeNull()
    expect((await take(10))?.[0]).toBe(10)
  })

  it('lie in memory that is used again once all of an answer are released', async () => {
    const blobs = Array.from({ length: 63 }, (_, index) => blobOf(index, 210 * KIB))
    const { rooms, part } = storeOf(blobs)
    const takeAll = async (answer: number, isReleased = true) => {
      for (let index = answer * 9; index < answer * 9 + 9; index += 1) {
        const early = await part(index)
        expect(early?.bytes.every((byte) => byte === index)).toBe(true)
        if (isReleased || index % 9 > 0) early?.release()
      }
    }
    for (const answer of [0, 1]) await takeAll(answer)
    await takeAll(2, false)
    for (const answer of [3, 4, 5, 6]) await takeAll(answer)
    const each = [...new Set(rooms)]
    expect(rooms.map((room) => each.indexOf(room))).toEqual([0, 1, 0, 1, 2, 1, 2])
  })

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(1)],
    ['too long', (bytes: Uint8Array) => new Uint8Array([...bytes, 0])],
  ])('are asked for one by one where the answer is %s', async (_, change) => {
    const { take } = storeOf([blobOf(0, 100), blobOf(1, 100)], change)
    expect(await take(0)).toBeNull()
    expect(await take(1)).toBeNull()
  })

  it.each(['https://s3.example.net/b/1', '//evil.example/1'])(
    'of another place are asked for there: %s',
    async (url) => {
      const { asked, take } = storeOf([blobOf(0, 100), blobOf(1, 100, url)])
      expect(await take(0)).toBeNull()
      expect(asked).toEqual([])
    },
  )
})
