import type { NodeId } from '@strongroom/crypto/envelope'
import { decodeShape, encodeShape } from '../log/body-codec.ts'
import { MAX_VERSIONS } from '../log/operations.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import { idKey } from './id-key.ts'
import { NameRows } from './name-rows.ts'
import { byteStrings, endOf, invalid, isAscending, Numbers } from './numbers.ts'
import type { VaultNode, VaultVersion } from './state.ts'
import { type RowCopy, VersionRows } from './version-rows.ts'

/*
 * [Note: Rows]
 * The columns of nodes are kept as they are: a vault of a hundred thousand files opens without an object for any of
 * them. A node is made from its row when it is asked for, and kept, so that the same node is always the same object.
 * Where the columns come from others, all of them are checked first, in loops over their bytes. Where this device has
 * sealed them itself, the seal says that they are what was checked then, or what the reducer made: their lengths alone
 * are held against each other, so that no row reads beyond its column.
 */

const [FOLDER] = encodeShape({ kind: 'folder' })
const [FILE] = encodeShape({ kind: 'file' })

/** Nodes in columns, in the order of their ids, with their versions and contents. */
export class NodeRows {
  readonly count: number
  readonly #ids: Uint8Array
  /** Ids of the blobs that contents of these nodes name, 16 bytes each. */
  readonly blobIds: Uint8Array
  readonly #id: (row: number) => Uint8Array
  readonly parentOf: (row: number) => NodeId
  readonly #names: NameRows
  readonly #kinds: Numbers
  readonly #nameLengths: Numbers
  readonly #payloads: Uint8Array
  readonly #payloadLengths: Numbers
  readonly #payloadPlaces: Uint32Array
  readonly #createdMs: Numbers
  readonly #trashed: Numbers
  readonly #trashedPlaces: Uint32Array
  readonly #trashedMs: Numbers
  readonly #versionCounts: Numbers
  readonly #versionPlaces: Uint32Array
  readonly versions: VersionRows
  readonly #made: (VaultNode | undefined)[]

  /**
   * Takes the columns, whose lengths have to fit each other.
   *
   * @param nodeIds - 16 bytes each
   * @param parentOf - where the node of a row lies
   * @throws VaultError `state_invalid`
   */
  constructor(columns: ColumnReaders, nodeIds: Uint8Array, parentOf: (row: number) => NodeId) {
    const count = nodeIds.length / 16
    this.count = count
    this.#ids = nodeIds
    this.#id = byteStrings(nodeIds, 16, count)
    this.parentOf = parentOf
    this.#nameLengths = new Numbers(columns.nameLengths.rest(), 1, count)
    this.#names = new NameRows(columns.names.rest(), this.#nameLengths.places())
    this.#kinds = new Numbers(columns.kinds.rest(), 2, count)
    this.#payloads = columns.payloads.rest()
    this.#payloadLengths = new Numbers(columns.payloadLengths.rest(), 2, count)
    this.#payloadPlaces = this.#payloadLengths.places()
    if (this.#payloads.length !== endOf(this.#payloadPlaces)) throw invalid('column length')
    this.#createdMs = new Numbers(columns.createdMs.rest(), 8, count)
    this.#trashed = new Numbers(columns.trashed.rest(), 1, count)
    this.#trashedPlaces = this.#trashed.places()
    this.#trashedMs = new Numbers(columns.trashedMs.rest(), 8, endOf(this.#trashedPlaces))
    this.#versionCounts = new Numbers(columns.versionCounts.rest(), 2, count)
    this.#versionPlaces = this.#versionCounts.places()
    this.versions = new VersionRows(columns, endOf(this.#versionPlaces))
    this.blobIds = this.versions.blobIds
    this.#made = new Array<VaultNode | undefined>(count)
  }

  /** Checks all that needs no look at the tree. @throws VaultError `state_invalid` */
  check(): void {
    this.#names.check()
    for (const numbers of [this.#createdMs, this.#trashedMs]) numbers.checkSafe()
    if (!isAscending(this.#ids, 16)) throw invalid('order')
    for (let row = 0; row < this.count; row += 1) {
      if ((this.#trashedPlaces[row + 1] ?? 0) - (this.#trashedPlaces[row] ?? 0) > 1) throw invalid('trashed')
      this.#checkShape(row)
    }
    this.versions.check()
  }

  idAt(row: number): NodeId {
    return this.#id(row) as NodeId // taken from its place
  }

  nameAt(row: number): string {
    return this.#names.at(row)
  }

  isFolder(row: number): boolean {
    return this.#kinds.at(row) === FOLDER
  }

  isTrashed(row: number): boolean {
    return this.#trashedPlaces[row] !== this.#trashedPlaces[row + 1]
  }

  versionCount(row: number): number {
    return (this.#versionPlaces[row + 1] ?? 0) - (this.#versionPlaces[row] ?? 0)
  }

  /** When the content of a file that is not trashed itself was changed, as its newest version says; else null. */
  changedMs(row: number): number | null {
    if (this.#kinds.at(row) !== FILE || this.isTrashed(row)) return null
    if (this.versionCount(row) === 0) return this.#createdMs.at(row)
    return this.versions.mtimeMsAt((this.#versionPlaces[row + 1] ?? 0) - 1)
  }

  /** Writes the columns of some rows as they are, but for their parents. */
  copyTo(columns: ColumnWriters, { from, to, count }: RowCopy): void {
    columns.nodeIds.bytes(this.#ids.subarray(from * 16, to * 16))
    columns.nameLengths.bytes(this.#nameLengths.slice(from, to))
    columns.names.bytes(this.#names.slice(from, to))
    columns.kinds.bytes(this.#kinds.slice(from, to))
    columns.payloadLengths.bytes(this.#payloadLengths.slice(from, to))
    columns.payloads.bytes(this.#payloads.subarray(this.#payloadPlaces[from], this.#payloadPlaces[to]))
    columns.createdMs.bytes(this.#createdMs.slice(from, to))
    columns.trashed.bytes(this.#trashed.slice(from, to))
    columns.trashedMs.bytes(this.#trashedMs.slice(this.#trashedPlaces[from] ?? 0, this.#trashedPlaces[to] ?? 0))
    columns.versionCounts.bytes(this.#versionCounts.slice(from, to))
    const versions = { from: this.#versionPlaces[from] ?? 0, to: this.#versionPlaces[to] ?? 0 }
    this.versions.copyTo(columns, { ...versions, count })
  }

  at(row: number): VaultNode {
    const known = this.#made[row]
    if (known !== undefined) return known
    const shape = decodeShape(this.#kinds.at(row), this.#payload(row))
    if (shape === null) throw invalid('kind')
    const versions: VaultVersion[] = []
    for (let at = this.#versionPlaces[row] ?? 0; at < (this.#versionPlaces[row + 1] ?? 0); at += 1) {
      versions.push(this.versions.at(at))
    }
    const trashedMs = this.isTrashed(row) ? this.#trashedMs.at(this.#trashedPlaces[row] ?? 0) : null
    const place = { id: this.idAt(row), parentId: this.parentOf(row), name: this.nameAt(row) }
    const node: VaultNode = { ...place, createdMs: this.#createdMs.at(row), trashedMs, versions, ...shape }
    this.#made[row] = node
    return node
  }

  #payload(row: number): Uint8Array {
    return this.#payloads.subarray(this.#payloadPlaces[row], this.#payloadPlaces[row + 1])
  }

  #checkShape(row: number): void {
    const versionCount = this.versionCount(row)
    const kind = this.#kinds.at(row)
    const isPlain = kind === FOLDER || kind === FILE
    const isEmpty = this.#payloadPlaces[row] === this.#payloadPlaces[row + 1]
    const shape = isPlain && isEmpty ? null : decodeShape(kind, this.#payload(row))
    if (shape === null && !(isPlain && isEmpty)) throw invalid('kind')
    if (versionCount > MAX_VERSIONS) throw invalid('versions')
    if (versionCount > 0 && kind !== FILE && shape?.kind !== 'unknown') throw invalid('versions')
    if (versionCount < 2) return
    const ids = new Set<string>()
    const first = this.#versionPlaces[row] ?? 0
    for (let at = first; at < first + versionCount; at += 1) ids.add(idKey(this.versions.idAt(at)))
    if (ids.size !== versionCount) throw invalid('version twice')
  }
}
