import { decodeText } from '../names.ts'
import { endOf, invalid } from './numbers.ts'

const SLASH = 0x2f
const DOT = 0x2e

/**
 * Names that lie one after the other. Reason for one text that they are cut from: decoding a hundred thousand short
 * byte strings takes a hundred times as long as one long one.
 */
export class NameRows {
  readonly #bytes: Uint8Array
  /** Where each begins in the bytes. */
  readonly #bytePlaces: Uint32Array
  readonly #text: string
  /** Where each begins in the text, in units of UTF-16. */
  readonly #places: Uint32Array

  /**
   * @param places - where each begins in the bytes
   * @throws VaultError where they are no UTF-8, or of another length
   */
  constructor(bytes: Uint8Array, places: Uint32Array) {
    if (bytes.length !== endOf(places)) throw invalid('column length')
    // Well-formed as a whole and cut between characters, each is well-formed.
    const text = decodeText(bytes)
    if (text === null) throw invalid('name')
    this.#bytes = bytes
    this.#bytePlaces = places
    this.#text = text
    // A text of as many units as bytes is ASCII.
    this.#places = text.length === bytes.length ? places : unitPlaces(bytes, places)
  }

  /** @throws VaultError where one may not name a node */
  check(): void {
    const [bytes, places] = [this.#bytes, this.#bytePlaces]
    if (bytes.includes(0) || bytes.includes(SLASH)) throw invalid('name')
    for (let row = 0; row + 1 < places.length; row += 1) {
      const [from, to] = [places[row] ?? 0, places[row + 1] ?? 0]
      if (from === to || isInside(bytes[from]) || isDots(bytes, from, to)) throw invalid('name')
    }
  }

  /** The bytes of the names of some rows: a view. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(this.#bytePlaces[from], this.#bytePlaces[to])
  }

  at(row: number): string {
    return this.#text.slice(this.#places[row], this.#places[row + 1])
  }
}

/** The same places in the text. */
function unitPlaces(bytes: Uint8Array, places: Uint32Array): Uint32Array {
  const result = new Uint32Array(places.length)
  let units = 0
  for (let row = 0; row + 1 < places.length; row += 1) {
    for (let at = places[row] ?? 0; at < (places[row + 1] ?? 0); at += 1) {
      const byte = bytes[at] ?? 0
      if (!isInside(byte)) units += byte < 0xf0 ? 1 : 2
    }
    result[row + 1] = units
  }
  return result
}

/** Whether a byte of UTF-8 continues a character. */
function isInside(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}

/** Whether a name is `.` or `..`. */
function isDots(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from <= 2 && bytes[from] === DOT && bytes[to - 1] === DOT
}
