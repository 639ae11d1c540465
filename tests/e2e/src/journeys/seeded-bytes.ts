/** Bytes that look random and depend on the seed alone. */
export function bytesFrom(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4))
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
  for (let index = 0; index < words.length; index += 1) words[index] = next()
  for (let index = words.length * 4; index < length; index += 1) bytes[index] = next() & 0xff
  return bytes
}
