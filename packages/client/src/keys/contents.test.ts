import { asBlobId, asDeviceId, type DeviceId } from '@strongroom/crypto'
import { expect, test } from 'vitest'
import { inOwnOrder, type KeyedContent } from './contents.ts'

/** Contents whose blob ids are spread evenly, as random ones are. */
const contents = Array.from({ length: 256 }, (_, first): KeyedContent => {
  const blobId = asBlobId(Uint8Array.from({ length: 16 }, (_byte, at) => (at === 0 ? first : at)))
  return {
    record: {
      ...{ slot: 'main', blobId, header: new Uint8Array(74), size: 1, blobLength: 544, partSize: 2 ** 23 },
      ...{ partsRoot: new Uint8Array(32), dekTimeMs: 0 },
    },
    places: [],
  }
})
const device = (first: number): DeviceId => asDeviceId(new Uint8Array(16).fill(first, 0, 1))
const ordered = (first: number): number[] =>
  inOwnOrder(contents, device(first)).map(({ record }) => record.blobId[0] ?? 0)

test('two devices that go through all contents at once are seldom at the same one', () => {
  for (const [one, other] of [
    [0b0000_0000, 0b1000_0000],
    [0b0101_0101, 0b0101_1010],
    [0b1111_0000, 0b1111_1000],
  ] as const) {
    const [mine, theirs] = [ordered(one), ordered(other)]
    expect(mine.filter((id, at) => id === theirs[at])).toEqual([])
    expect([...mine].sort((a, b) => a - b)).toEqual([...theirs].sort((a, b) => a - b))
  }
})

test('a device that was interrupted goes through them in the same order again', () => {
  expect(ordered(7)).toEqual(ordered(7))
  expect(new Set(ordered(7)).size).toBe(contents.length)
})
