import { concat } from '@strongroom/crypto/envelope'
import { encodeShape } from '../log/body-codec.ts'
import { encodeText } from '../names.ts'
import type { ColumnWriters } from './column-names.ts'
import { idKey } from './id-key.ts'
import type { NodeRows } from './node-rows.ts'
import type { VaultNode, VaultVersion } from './state.ts'
import { type DictionaryCount, NO_MODE, type VersionAuthor, type VersionRows } from './version-rows.ts'

/** Writes the columns of nodes but for their parents, with versions and contents, in the order of its calls. */
export class RowWriter {
  readonly #columns: ColumnWriters
  readonly #authors = new Dictionary()
  readonly #slots = new Dictionary()
  readonly #authorKey = authorKeys()
  readonly #counts = new Map<VersionRows, DictionaryCount>()

  constructor(columns: ColumnWriters) {
    this.#columns = columns
  }

  node(node: VaultNode): void {
    const columns = this.#columns
    const name = encodeText(node.name)
    const [kind, payload] = encodeShape(node)
    columns.nodeIds.bytes(node.id)
    columns.nameLengths.u8(name.length)
    columns.names.bytes(name)
    columns.kinds.u16(kind)
    columns.payloadLengths.u16(payload.length)
    columns.payloads.bytes(payload)
    columns.createdMs.i64(node.createdMs)
    columns.trashed.u8(node.trashedMs === null ? 0 : 1)
    if (node.trashedMs !== null) columns.trashedMs.i64(node.trashedMs)
    columns.versionCounts.u16(node.versions.length)
    for (const version of node.versions) this.#version(version)
  }

  /** Rows as they were read. */
  rows(rows: NodeRows, { from, to }: { from: number; to: number }): void {
    const count = this.#counts.get(rows.versions) ?? this.#countOf(rows.versions)
    this.#counts.set(rows.versions, count)
    rows.copyTo(this.#columns, { from, to, count })
  }

  /** Writes the dictionaries, whose order is known only now. */
  finish(): void {
    const [authors, slots] = [this.#authors.sorted(), this.#slots.sorted()]
    for (const author of authors.list) this.#columns.authors.bytes(author)
    for (const slot of slots.list) {
      this.#columns.slots.u8(slot.length)
      this.#columns.slots.bytes(slot)
    }
    this.#columns.versionAuthors.renumber(authors.numbers)
    this.#columns.contentSlots.renumber(slots.numbers)
  }

  #version(version: VaultVersion): void {
    const columns = this.#columns
    columns.versionIds.bytes(version.id)
    columns.mtimeMs.i64(version.mtimeMs)
    columns.modes.u16(version.mode ?? NO_MODE)
    columns.versionTimeMs.i64(version.timeMs)
    columns.versionAuthors.u32(this.#author(version))
    columns.contentCounts.u8(version.contents.length)
    for (const content of version.contents) {
      columns.contentSlots.u32(this.#slot(content.slot))
      columns.blobIds.bytes(content.blobId)
      columns.headers.bytes(content.header)
      columns.sizes.i64(content.size)
      columns.partSizes.u32(content.partSize)
      columns.partsRoots.bytes(content.partsRoot)
      columns.dekTimeMs.i64(content.dekTimeMs)
    }
  }

  #author(author: VersionAuthor): number {
    return this.#authors.numberOf(this.#authorKey(author), () => concat(author.accountId, author.deviceId))
  }

  #slot(slot: string): number {
    return this.#slots.numberOf(slot, () => encodeText(slot))
  }

  #countOf({ authors, slots }: VersionRows): DictionaryCount {
    return {
      author: remembered(authors, (author) => this.#author(author)),
      slot: remembered(slots, (slot) => this.#slot(slot)),
    }
  }
}

/** Numbers of entries, each looked up once. */
function remembered<T>(entries: readonly T[], numberOf: (entry: T) => number): (entry: number) => number {
  const numbers: (number | undefined)[] = entries.map(() => undefined)
  return (index) => {
    const known = numbers[index]
    if (known !== undefined) return known
    const entry = entries[index]
    // Columns are read within their dictionaries.
    const number = entry === undefined ? 0 : numberOf(entry)
    numbers[index] = number
    return number
  }
}

/** Entries in the order in which they were met, until they are sorted. */
class Dictionary {
  readonly #entries = new Map<string, { readonly number: number; readonly bytes: Uint8Array }>()

  numberOf(key: string, bytes: () => Uint8Array): number {
    const known = this.#entries.get(key)
    if (known !== undefined) return known.number
    const number = this.#entries.size
    this.#entries.set(key, { number, bytes: bytes() })
    return number
  }

  /** Keys sort as the bytes do: hexadecimal for authors, ASCII for slots. */
  sorted(): { list: Uint8Array[]; numbers: Uint32Array } {
    const entries = [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
    const numbers = new Uint32Array(entries.length)
    for (const [place, { number }] of entries.entries()) numbers[number] = place
    return { list: entries.map(({ bytes }) => bytes), numbers }
  }
}

/** Keys of authors. Reason for the table: the versions of a commit share the objects that name its author. */
function authorKeys(): (author: VersionAuthor) => string {
  const known = new Map<Uint8Array, string>()
  const keyOf = (id: Uint8Array): string => {
    const found = known.get(id)
    if (found !== undefined) return found
    const key = idKey(id)
    known.set(id, key)
    return key
  }
  return ({ accountId, deviceId }) => keyOf(accountId) + keyOf(deviceId)
}
