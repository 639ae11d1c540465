import { createHash } from 'node:crypto'

/** A stream of bytes that follows from a seed: SHA-256 of seed and counter. */
export function seededBytes(seed: string): (length: number) => Uint8Array<ArrayBuffer> {
  let counter = 0
  return (length) => {
    const bytes = new Uint8Array(length)
    for (let filled = 0; filled < length; filled += 32) {
      const block = createHash('sha256').update(`${seed}/${counter}`).digest()
      counter += 1
      bytes.set(block.subarray(0, length - filled), filled)
    }
    return bytes
  }
}
