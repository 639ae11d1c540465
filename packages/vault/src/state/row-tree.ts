import type { NodeId } from '@strongroom/crypto/envelope'
import type { ColumnReaders } from './column-names.ts'
import { idKey, idKeys } from './id-key.ts'
import { NodeRows } from './node-rows.ts'
import { invalid, Numbers } from './numbers.ts'
import type { VaultNode } from './state.ts'
import type { TableBase } from './table.ts'

/** Parents that are no rows. */
const ROOT = 0
const RECOVERED = 1
const FIRST_ROW = 2
const NONE = new Uint32Array(0)
/** Keys that are made one by one; then all at once, which takes no longer than thousands of them. */
const FEW_KEYS = 2_000

/** The two folders that every vault has, and no row tells of. */
export interface FixedFolders {
  readonly rootId: NodeId
  readonly recoveredId: NodeId
}

/** Rows by the folder that they lie in, and where those of each folder begin. */
interface Folders {
  readonly order: Uint32Array
  readonly places: Uint32Array
}

/** The tree of a state's rows: nodes by key, and which lie in which. */
export class RowTree implements TableBase<VaultNode> {
  readonly rows: NodeRows
  readonly #ids: Uint8Array
  /** First six bytes of each id tell most of them apart. */
  readonly #view: DataView
  readonly #parents: Numbers
  readonly #fixed: FixedFolders
  readonly #rootKey: string
  readonly #recoveredKey: string
  /** Keys of all rows, one after the other; null as long as few were asked for. */
  #keys: string | null = null
  #keysMade = 0
  #folders: Folders | null = null

  /** @throws VaultError `state_invalid` where the lengths of the columns do not fit each other */
  constructor(columns: ColumnReaders, fixed: FixedFolders) {
    this.#fixed = fixed
    this.#rootKey = idKey(fixed.rootId)
    this.#recoveredKey = idKey(fixed.recoveredId)
    const count = columns.nodeIds.count(16)
    this.#ids = columns.nodeIds.rest()
    this.#view = new DataView(this.#ids.buffer, this.#ids.byteOffset, this.#ids.byteLength)
    this.#parents = new Numbers(columns.parents.rest(), 4, count)
    this.rows = new NodeRows(columns, this.#ids, this.#parentIds())
  }

  /** @throws VaultError `state_invalid` where the columns break a rule, or make no tree */
  check(): void {
    this.rows.check()
    for (const key of [this.#rootKey, this.#recoveredKey]) if (this.rowOf(key) >= 0) throw invalid('fixed folder')
    this.#checkParents()
    this.#checkNames()
  }

  get size(): number {
    return this.rows.count
  }

  get(key: string): VaultNode | undefined {
    const row = this.rowOf(key)
    return row < 0 ? undefined : this.rows.at(row)
  }

  *keys(): Generator<string, undefined> {
    for (let row = 0; row < this.rows.count; row += 1) yield this.keyAt(row)
  }

  keyAt(row: number): string {
    if (this.#keys !== null) return this.#keys.slice(row * 32, (row + 1) * 32)
    this.#keysMade += 1
    if (this.#keysMade > FEW_KEYS) this.#keys = idKeys(this.#ids)
    return idKey(this.#ids.subarray(row * 16, (row + 1) * 16))
  }

  /** −1 where no row has that key. */
  rowOf(key: string): number {
    const row = this.firstFrom(key)
    return row < this.rows.count && this.keyAt(row) === key ? row : -1
  }

  /** The first row whose key is not below this one; as many as there are rows where none is. */
  firstFrom(key: string): number {
    const wanted = Number.parseInt(key.slice(0, 12), 16)
    let [low, high] = [0, this.rows.count]
    while (low < high) {
      const middle = (low + high) >>> 1
      const prefix = this.#prefix(middle)
      if (prefix < wanted || (prefix === wanted && this.keyAt(middle) < key)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** In whose row a row lies, as columns tell it: 0 and 1 for root and Recovered, then rows. */
  parentNumber(row: number): number {
    return this.#parents.at(row)
  }

  /** Rows that lie in a folder, trashed ones too. */
  rowsIn(key: string): Uint32Array {
    const parent = this.#numberOf(key)
    const { order, places } = this.#byParent()
    return parent === null ? NONE : order.subarray(places[parent], places[parent + 1])
  }

  /** Keys of folders in which rows lie. */
  *parentKeys(): Generator<string, undefined> {
    const { places } = this.#byParent()
    for (let parent = 0; parent + 1 < places.length; parent += 1) {
      if (places[parent] !== places[parent + 1]) yield this.#parentKey(parent)
    }
  }

  #prefix(row: number): number {
    return this.#view.getUint32(row * 16) * 0x10000 + this.#view.getUint16(row * 16 + 4)
  }

  #numberOf(key: string): number | null {
    if (key === this.#rootKey) return ROOT
    if (key === this.#recoveredKey) return RECOVERED
    const row = this.rowOf(key)
    return row < 0 ? null : row + FIRST_ROW
  }

  #parentKey(parent: number): string {
    if (parent === ROOT) return this.#rootKey
    return parent === RECOVERED ? this.#recoveredKey : this.keyAt(parent - FIRST_ROW)
  }

  /** Ids of parents by row; children of one folder share one. */
  #parentIds(): (row: number) => NodeId {
    const known = new Map<number, NodeId>()
    known.set(ROOT, this.#fixed.rootId)
    known.set(RECOVERED, this.#fixed.recoveredId)
    return (row) => {
      const parent = this.#parents.at(row)
      const found = known.get(parent)
      if (found !== undefined) return found
      const id = this.rows.idAt(parent - FIRST_ROW)
      known.set(parent, id)
      return id
    }
  }

  /** Every row must lie in a folder, and lead to the root or to Recovered. */
  #checkParents(): void {
    const { count } = this.rows
    for (let row = 0; row < count; row += 1) {
      const parent = this.#parents.at(row) - FIRST_ROW
      if (parent >= count || (parent >= 0 && !this.rows.isFolder(parent))) throw invalid('parent')
    }
    // 0 not seen, 1 on the way that is being followed, 2 leads to the top.
    const seen = new Uint8Array(count)
    for (let start = 0; start < count; start += 1) {
      let row = start
      for (; row >= 0 && seen[row] === 0; row = this.#parents.at(row) - FIRST_ROW) seen[row] = 1
      if (row >= 0 && seen[row] === 1) throw invalid('parent')
      for (row = start; row >= 0 && seen[row] === 1; row = this.#parents.at(row) - FIRST_ROW) seen[row] = 2
    }
  }

  #byParent(): Folders {
    this.#folders ??= this.#sorted()
    return this.#folders
  }

  #sorted(): Folders {
    const { count } = this.rows
    const places = new Uint32Array(count + FIRST_ROW + 1)
    for (let row = 0; row < count; row += 1) {
      const next = this.#parents.at(row) + 1
      places[next] = (places[next] ?? 0) + 1
    }
    for (let parent = 1; parent < places.length; parent += 1) {
      places[parent] = (places[parent] ?? 0) + (places[parent - 1] ?? 0)
    }
    const [order, next] = [new Uint32Array(count), places.slice()]
    for (let row = 0; row < count; row += 1) {
      const parent = this.#parents.at(row)
      const at = next[parent] ?? 0
      order[at] = row
      next[parent] = at + 1
    }
    return { order, places }
  }

  #checkNames(): void {
    const { order, places } = this.#byParent()
    for (let parent = 0; parent + 1 < places.length; parent += 1) {
      const [from, to] = [places[parent] ?? 0, places[parent + 1] ?? 0]
      if (to - from < 2) continue
      const names = new Set<string>()
      let live = 0
      for (const row of order.subarray(from, to)) {
        if (this.rows.isTrashed(row)) continue
        live += 1
        names.add(this.rows.nameAt(row))
      }
      if (names.size !== live) throw invalid('name twice')
    }
  }
}
