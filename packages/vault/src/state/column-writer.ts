/** Growing bytes of one column; all numbers big-endian. */
export class ColumnWriter {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  u8(value: number): void {
    this.#reserve(1)
    this.#view.setUint8(this.#length, value)
    this.#length += 1
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.#length, value)
    this.#length += 2
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#length, value)
    this.#length += 4
  }

  /** A safe integer, in two's complement. */
  i64(value: number): void {
    this.#reserve(8)
    const high = Math.floor(value / 0x100000000)
    this.#view.setInt32(this.#length, high)
    this.#view.setUint32(this.#length + 4, value - high * 0x100000000)
    this.#length += 8
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Puts others in the place of all the numbers that `u32` has written. */
  renumber(numbers: Uint32Array): void {
    for (let at = 0; at < this.#length; at += 4) {
      this.#view.setUint32(at, numbers[this.#view.getUint32(at)] ?? 0)
    }
  }

  /** The bytes written; the writer must not be used afterwards. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}
