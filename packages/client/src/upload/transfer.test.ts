import { MIN_PART_SIZE } from '@strongroom/crypto'
import { describe, expect, it } from 'vitest'
import { steadyFlight } from '../transport/flight.ts'
import type { PartSupply } from './encrypt-parts.ts'
import { sendParts } from './transfer.ts'
import type { PartSender } from './upload-parts.ts'

/** The most parts of an upload that are in memory at once. */
async function mostAtOnce(partBytes: number): Promise<number> {
  let [left, held, most] = [12, 0, 0]
  const supply: Pick<PartSupply, 'partBytes' | 'next' | 'plaintextLength'> = {
    partBytes,
    async next() {
      if (left === 0) return null
      left -= 1
      held += 1
      most = Math.max(most, held)
      const release = () => {
        held -= 1
      }
      return { index: left, bytes: new Uint8Array(0), sha256: new Uint8Array(0), mac: null, release }
    },
    plaintextLength: () => 0,
  }
  const sender: Pick<PartSender, 'send'> = {
    async send({ sha256 }) {
      await new Promise((done) => setImmediate(done))
      return { etag: '"a"', sha256 }
    },
  }
  const options = { flight: steadyFlight(4), limiter: { take: async () => undefined }, onBytes: () => undefined }
  // As far as they are looked at here.
  await sendParts(supply as PartSupply, sender as PartSender, options)
  return most
}

describe('parts of an upload', () => {
  it.each([
    [1, 4],
    [2, 2],
    [4, 1],
    [8, 1],
  ])('of %d times the usual size are %d in memory at once', async (times, most) => {
    expect(await mostAtOnce(times * MIN_PART_SIZE)).toBe(most)
  })
})
