import type { AccountId, BlobId, DeviceId, VersionId } from '@strongroom/crypto/envelope'
import { compareBytes } from '@strongroom/crypto/envelope'
import { checkLayout, contentLayout } from '@strongroom/crypto/sizes'
import type { ContentRecord } from '../log/operations.ts'
import { LABEL_PATTERN, MAX_CONTENTS } from '../log/operations.ts'
import { decodeText } from '../names.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import type { ColumnReader } from './column-reader.ts'
import { byteStrings, endOf, invalid, Numbers } from './numbers.ts'
import type { VaultVersion } from './state.ts'

/** A mode that was not given. */
export const NO_MODE = 0xffff
const MOST_MODE = 0o7777

/** Versions and their contents, in columns. */
export class VersionRows {
  /** Ids of the blobs that the contents name, 16 bytes each. */
  readonly blobIds: Uint8Array
  readonly #ids: Uint8Array
  readonly #id: (index: number) => Uint8Array
  readonly #mtimeMs: Numbers
  readonly #modes: Numbers
  readonly #timeMs: Numbers
  readonly authors: readonly VersionAuthor[]
  readonly #authorOf: Numbers
  readonly #contentCounts: Numbers
  /** Where the contents of each version begin. */
  readonly #places: Uint32Array
  readonly slots: readonly string[]
  readonly #slotOf: Numbers
  readonly #blobId: (index: number) => Uint8Array
  readonly #headers: Uint8Array
  readonly #header: (index: number) => Uint8Array
  readonly #partsRoots: Uint8Array
  readonly #partsRoot: (index: number) => Uint8Array
  readonly #sizes: Numbers
  readonly #partSizes: Numbers
  readonly #dekTimeMs: Numbers

  /** @throws VaultError where they are not the columns of `count` versions */
  constructor(columns: ColumnReaders, count: number) {
    this.#ids = columns.versionIds.rest()
    this.#id = byteStrings(this.#ids, 16, count)
    this.#mtimeMs = new Numbers(columns.mtimeMs.rest(), 8, count)
    this.#modes = new Numbers(columns.modes.rest(), 2, count)
    this.#timeMs = new Numbers(columns.versionTimeMs.rest(), 8, count)
    this.authors = readAuthors(columns.authors)
    this.#authorOf = new Numbers(columns.versionAuthors.rest(), 4, count)
    this.#contentCounts = new Numbers(columns.contentCounts.rest(), 1, count)
    this.#places = this.#contentCounts.places()
    const contents = endOf(this.#places)
    this.slots = readSlots(columns.slots)
    this.#slotOf = new Numbers(columns.contentSlots.rest(), 4, contents)
    this.blobIds = columns.blobIds.rest()
    this.#blobId = byteStrings(this.blobIds, 16, contents)
    this.#headers = columns.headers.rest()
    this.#header = byteStrings(this.#headers, 74, contents)
    this.#partsRoots = columns.partsRoots.rest()
    this.#partsRoot = byteStrings(this.#partsRoots, 32, contents)
    this.#sizes = new Numbers(columns.sizes.rest(), 8, contents)
    this.#partSizes = new Numbers(columns.partSizes.rest(), 4, contents)
    this.#dekTimeMs = new Numbers(columns.dekTimeMs.rest(), 8, contents)
  }

  /** @throws VaultError where one breaks a rule */
  check(): void {
    for (const numbers of [this.#mtimeMs, this.#timeMs, this.#sizes, this.#dekTimeMs]) numbers.checkSafe()
    for (let index = 0; index < this.#modes.count; index += 1) {
      const mode = this.#modes.at(index)
      if (mode > MOST_MODE && mode !== NO_MODE) throw invalid('mode')
      const contentCount = (this.#places[index + 1] ?? 0) - (this.#places[index] ?? 0)
      if (contentCount < 1 || contentCount > MAX_CONTENTS) throw invalid('contents')
      if (contentCount > 1) this.#checkSlots(index)
    }
    checkDictionary(this.#authorOf, this.authors.length)
    checkDictionary(this.#slotOf, this.slots.length)
    for (let index = 0; index < this.#sizes.count; index += 1) this.#blobLength(index)
  }

  idAt(index: number): VersionId {
    return this.#id(index) as VersionId // taken from its place
  }

  mtimeMsAt(index: number): number {
    return this.#mtimeMs.at(index)
  }

  /** Writes the columns of some versions as they are; authors and slots are the caller's, who numbers them. */
  copyTo(columns: ColumnWriters, { from, to, count }: RowCopy): void {
    columns.versionIds.bytes(this.#ids.subarray(from * 16, to * 16))
    columns.mtimeMs.bytes(this.#mtimeMs.slice(from, to))
    columns.modes.bytes(this.#modes.slice(from, to))
    columns.versionTimeMs.bytes(this.#timeMs.slice(from, to))
    columns.contentCounts.bytes(this.#contentCounts.slice(from, to))
    for (let index = from; index < to; index += 1) columns.versionAuthors.u32(count.author(this.#authorOf.at(index)))
    const [first, end] = [this.#places[from] ?? 0, this.#places[to] ?? 0]
    for (let index = first; index < end; index += 1) columns.contentSlots.u32(count.slot(this.#slotOf.at(index)))
    columns.blobIds.bytes(this.blobIds.subarray(first * 16, end * 16))
    columns.headers.bytes(this.#headers.subarray(first * 74, end * 74))
    columns.sizes.bytes(this.#sizes.slice(first, end))
    columns.partSizes.bytes(this.#partSizes.slice(first, end))
    columns.partsRoots.bytes(this.#partsRoots.subarray(first * 32, end * 32))
    columns.dekTimeMs.bytes(this.#dekTimeMs.slice(first, end))
  }

  at(index: number): VaultVersion {
    const contents: ContentRecord[] = []
    for (let at = this.#places[index] ?? 0; at < (this.#places[index + 1] ?? 0); at += 1)
      contents.push(this.#content(at))
    const mode = this.#modes.at(index)
    const author = this.authors[this.#authorOf.at(index)]
    if (author === undefined) throw invalid('author')
    const [mtimeMs, timeMs] = [this.#mtimeMs.at(index), this.#timeMs.at(index)]
    return { id: this.idAt(index), contents, mtimeMs, mode: mode === NO_MODE ? null : mode, ...author, timeMs }
  }

  #content(index: number): ContentRecord {
    return {
      slot: this.slots[this.#slotOf.at(index)] ?? '',
      blobId: this.#blobId(index) as BlobId, // taken from its place
      header: this.#header(index),
      size: this.#sizes.at(index),
      blobLength: this.#blobLength(index),
      partSize: this.#partSizes.at(index),
      partsRoot: this.#partsRoot(index),
      dekTimeMs: this.#dekTimeMs.at(index),
    }
  }

  /** @throws VaultError where size and part size make no content */
  #blobLength(index: number): number {
    const [size, partSize] = [this.#sizes.at(index), this.#partSizes.at(index)]
    try {
      const { blobLength } = contentLayout(size)
      checkLayout({ size, blobLength, partSize })
      return blobLength
    } catch (cause) {
      throw invalid('content', cause)
    }
  }

  #checkSlots(index: number): void {
    const slots = new Set<number>()
    const [from, to] = [this.#places[index] ?? 0, this.#places[index + 1] ?? 0]
    for (let at = from; at < to; at += 1) slots.add(this.#slotOf.at(at))
    if (slots.size !== to - from) throw invalid('slots')
  }
}

/** Every number names an entry of a dictionary, and every entry is named. */
function checkDictionary(numbers: Numbers, length: number): void {
  const used = new Uint8Array(length)
  for (let index = 0; index < numbers.count; index += 1) {
    const entry = numbers.at(index)
    if (entry >= length) throw invalid('dictionary')
    used[entry] = 1
  }
  if (used.includes(0)) throw invalid('dictionary')
}

/** Who committed a version, and from where. */
export type VersionAuthor = Pick<VaultVersion, 'accountId' | 'deviceId'>

/** Which rows are copied, the last not among them. */
export interface RowCopy {
  readonly from: number
  readonly to: number
  readonly count: DictionaryCount
}

/** Numbers for the entries of the dictionaries that are read, in the dictionaries that are written. */
export interface DictionaryCount {
  author(entry: number): number
  slot(entry: number): number
}

function readAuthors(column: ColumnReader): VersionAuthor[] {
  const authors: Uint8Array[] = []
  for (let left = column.count(32); left > 0; left -= 1) {
    const author = column.bytes(32)
    const before = authors.at(-1)
    if (before !== undefined && compareBytes(before, author) >= 0) throw invalid('order')
    authors.push(author)
  }
  // The casts brand the two ids that an entry is made of.
  return authors.map((bytes) => ({
    accountId: bytes.slice(0, 16) as AccountId,
    deviceId: bytes.slice(16) as DeviceId,
  }))
}

function readSlots(column: ColumnReader): string[] {
  const slots: string[] = []
  while (!column.atEnd) {
    const slot = decodeText(column.bytes(column.u8()))
    const before = slots.at(-1)
    if (slot === null || !LABEL_PATTERN.test(slot) || (before !== undefined && before >= slot)) throw invalid('slots')
    slots.push(slot)
  }
  return slots
}
