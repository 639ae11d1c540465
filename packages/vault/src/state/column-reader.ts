import { VaultError } from '../header/errors.ts'

/** Reads one column, which it keeps, from its beginning; every miss is `state_invalid`. */
export class ColumnReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  /** A safe integer in two's complement. */
  i64(): number {
    const at = this.#advance(8)
    const value = this.#view.getInt32(at) * 0x100000000 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) throw new VaultError('state_invalid', 'number')
    return value
  }

  /** A view of the next bytes. Reason: a copy of each of a large vault's ids costs more than all else. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** All that is left: a view. */
  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#offset)
  }

  /** How many items of `width` bytes the whole column holds. */
  count(width: number): number {
    if (this.#bytes.length % width !== 0) throw new VaultError('state_invalid', 'column length')
    return this.#bytes.length / width
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length
  }

  #advance(length: number): number {
    const at = this.#offset
    if (at + length > this.#bytes.length) throw new VaultError('state_invalid', 'column length')
    this.#offset += length
    return at
  }
}
