import { type ContentLayout, contentLayout, MIN_PART_SIZE } from '@strongroom/crypto'
import { describe, expect, it } from 'vitest'
import type { ContentCipher } from '../ports.ts'
import { steadyFlight } from '../transport/flight.ts'
import type { StoreAccess } from '../transport/store.ts'
import { type FetchContext, fetchSlices } from './fetch-parts.ts'
import type { OpenBlob } from './open.ts'
import { sliceRange } from './range.ts'

const GIB = 1024 ** 3

/** The most parts of a content that are fetched or held at once, by who takes them one after the other. */
async function mostAtOnce(layout: ContentLayout): Promise<number> {
  let [held, most] = [0, 0]
  const access: Pick<StoreAccess, 'getRange'> = {
    async getRange() {
      held += 1
      most = Math.max(most, held)
      await new Promise((done) => setImmediate(done))
      return new Uint8Array(0)
    },
  }
  const content: Pick<ContentCipher, 'decryptor'> = {
    decryptor: async () => ({
      lend: () => new Uint8Array(0),
      decryptPart: async () => ({ bytes: new Uint8Array(0), mac: null, release: () => undefined }),
      close: async () => undefined,
    }),
  }
  const clock = { nowMs: () => 0, sleep: async () => undefined }
  // As far as they are looked at here.
  const context = { access, content, clock, random: () => 0 } as unknown as FetchContext
  const blob = { record: {}, layout, digests: new Uint8Array(0), renewAtMs: 1 } as unknown as OpenBlob
  const options = { flight: steadyFlight(4), jobs: 4, limiter: { take: async () => undefined } }
  for await (const _ of fetchSlices(context, blob, sliceRange(layout, 0, undefined).slice(0, 12), options)) held -= 1
  return most
}

describe('parts of a download', () => {
  it.each([
    [70, 1, 4],
    [100, 2, 2],
    [200, 4, 1],
    [600, 8, 1],
  ])('of %d GiB, of %d times the usual size, are %d in memory at once', async (size, times, most) => {
    const layout = contentLayout(size * GIB)
    expect(layout.partSize).toBe(times * MIN_PART_SIZE)
    expect(await mostAtOnce(layout)).toBe(most)
  })
})
