import { VaultError } from '../header/errors.ts'

/** A refusal of columns. */
export function invalid(reason: string, cause?: unknown): VaultError {
  return new VaultError('state_invalid', reason, cause === undefined ? {} : { cause })
}

type Width = 1 | 2 | 4 | 8

/** Of eight bytes the first four, up to which and from which on the integer is safe whatever the others are. */
const SAFE_HIGH = 0x200000

/** One column of big-endian numbers, as it lies there: unsigned, but of 8 bytes safe integers in two's complement. */
export class Numbers {
  readonly width: Width
  readonly count: number
  readonly #bytes: Uint8Array
  readonly #view: DataView

  /** @throws VaultError where the column does not hold just `count` numbers */
  constructor(bytes: Uint8Array, width: Width, count: number) {
    this.width = width
    this.count = count
    if (bytes.length !== width * count) throw invalid('column length')
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** @throws VaultError where one of 8 bytes is not safe */
  checkSafe(): void {
    for (let index = 0; index < this.count; index += 1) {
      const high = this.#view.getInt32(index * 8)
      const isSafe = (high > -SAFE_HIGH && high < SAFE_HIGH) || Number.isSafeInteger(this.at(index))
      if (!isSafe) throw invalid('number')
    }
  }

  at(index: number): number {
    const view = this.#view
    switch (this.width) {
      case 1:
        return view.getUint8(index)
      case 2:
        return view.getUint16(index * 2)
      case 4:
        return view.getUint32(index * 4)
      case 8:
        return view.getInt32(index * 8) * 0x100000000 + view.getUint32(index * 8 + 4)
    }
  }

  /** The bytes of some of them: a view. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from * this.width, to * this.width)
  }

  /** Where entries begin that are as long as these numbers say, and at the end where the last one ends. */
  places(): Uint32Array {
    const { count } = this
    const places = new Uint32Array(count + 1)
    const bytes = this.#bytes
    let end = 0
    // Reason for a loop of its own: it runs at each start, before an engine has compiled anything well.
    if (this.width === 1) {
      for (let index = 0; index < count; ) {
        end += bytes[index] ?? 0
        index += 1
        places[index] = end
      }
    } else {
      for (let index = 0; index < count; ) {
        end += this.at(index)
        index += 1
        places[index] = end
      }
    }
    if (end > 0xffffffff) throw invalid('column length')
    return places
  }
}

/** Whether byte strings of `width` that lie one after the other ascend, none of them twice. */
export function isAscending(bytes: Uint8Array, width: number): boolean {
  for (let at = width; at < bytes.length; at += width) {
    let same = 0
    while (same < width && bytes[at - width + same] === bytes[at + same]) same += 1
    if (same === width || (bytes[at - width + same] ?? 0) > (bytes[at + same] ?? 0)) return false
  }
  return true
}

/** The last of some places: the length of what they lie in. */
export function endOf(places: Uint32Array): number {
  return places[places.length - 1] ?? 0
}

/** A column of byte strings, each of `width`, which are views of it. */
export function byteStrings(bytes: Uint8Array, width: number, count: number): (index: number) => Uint8Array {
  if (bytes.length !== width * count) throw invalid('column length')
  return (index) => bytes.subarray(index * width, (index + 1) * width)
}
