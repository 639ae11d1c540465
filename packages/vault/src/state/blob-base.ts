import type { BlobId } from '@strongroom/crypto/envelope'
import { idKey } from './id-key.ts'
import type { BlobCount } from './state.ts'
import type { TableBase } from './table.ts'

/** How many contents of some rows name a blob; counted when that is asked first. */
export class BlobBase implements TableBase<BlobCount> {
  readonly #ids: Uint8Array
  #index: BlobIndex | null = null

  /** @param blobIds - of every content, 16 bytes each */
  constructor(blobIds: Uint8Array) {
    this.#ids = blobIds
  }

  get size(): number {
    return this.#counted().distinct
  }

  get(key: string): BlobCount | undefined {
    const { slots, counts, mask } = this.#counted()
    const word = (at: number): number => Number.parseInt(key.slice(at * 8, at * 8 + 8), 16)
    for (let slot = hash(word) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const blobId = this.#at((slots[slot] ?? 0) - 1)
      if (idKey(blobId) === key) return { blobId, count: counts[slot] ?? 0 }
    }
    return undefined
  }

  *keys(): Generator<string, undefined> {
    for (const content of this.#counted().slots) if (content !== 0) yield idKey(this.#at(content - 1))
  }

  #at(content: number): BlobId {
    return this.#ids.subarray(content * 16, content * 16 + 16) as BlobId // taken from its place
  }

  #counted(): BlobIndex {
    this.#index ??= countBlobs(this.#ids)
    return this.#index
  }
}

/** A hash table; each blob is in the first slot from its hash on that was free. */
interface BlobIndex {
  /** Number of the first content that names a blob, counted from 1; 0 where a slot is free. */
  readonly slots: Uint32Array
  readonly counts: Uint32Array
  readonly mask: number
  readonly distinct: number
}

/** FNV-1a over the four words of an id. */
function hash(word: (at: number) => number): number {
  let sum = 0x811c9dc5
  for (let at = 0; at < 4; at += 1) sum = Math.imul(sum ^ word(at), 0x01000193)
  // The low bits, which choose the slot, depend on all of the words' bits.
  return sum ^ (sum >>> 15)
}

function countBlobs(ids: Uint8Array): BlobIndex {
  const contents = ids.length / 16
  const length = 2 ** Math.ceil(Math.log2(contents * 2 + 1))
  const [slots, counts, mask] = [new Uint32Array(length), new Uint32Array(length), length - 1]
  const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength)
  const same = (a: number, b: number): boolean => {
    for (let at = 0; at < 16; at += 4) if (view.getUint32(a * 16 + at) !== view.getUint32(b * 16 + at)) return false
    return true
  }
  let distinct = 0
  for (let content = 0; content < contents; content += 1) {
    let slot = hash((at) => view.getUint32(content * 16 + at * 4)) & mask
    while (slots[slot] !== 0 && !same((slots[slot] ?? 0) - 1, content)) slot = (slot + 1) & mask
    if (slots[slot] === 0) {
      slots[slot] = content + 1
      distinct += 1
    }
    counts[slot] = (counts[slot] ?? 0) + 1
  }
  return { slots, counts, mask, distinct }
}
