import type { RowTree } from './row-tree.ts'
import type { Table } from './table.ts'

/** Children of folders, by name: those of a folder are looked up in its rows once it is asked for. */
export class ChildTable implements Table<Map<string, string>> {
  readonly #tree: RowTree
  /** null where an entry was deleted. */
  readonly #made: Map<string, Map<string, string> | null>

  constructor(tree: RowTree, made: Map<string, Map<string, string> | null> = new Map()) {
    this.#tree = tree
    this.#made = made
  }

  get size(): number {
    return [...this.keys()].length
  }

  get(key: string): Map<string, string> | undefined {
    const made = this.#made.get(key)
    if (made !== undefined) return made ?? undefined
    const names = new Map<string, string>()
    for (const row of this.#tree.rowsIn(key)) {
      if (!this.#tree.rows.isTrashed(row)) names.set(this.#tree.rows.nameAt(row), this.#tree.keyAt(row))
    }
    if (names.size === 0) return undefined
    this.#made.set(key, names)
    return names
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  set(key: string, names: Map<string, string>): this {
    this.#made.set(key, names)
    return this
  }

  delete(key: string): boolean {
    const had = this.has(key)
    if (had) this.#made.set(key, null)
    return had
  }

  *keys(): Generator<string, undefined> {
    const keys = new Set([...this.#tree.parentKeys(), ...this.#made.keys()])
    for (const key of keys) if (this.has(key)) yield key
  }

  *values(): Generator<Map<string, string>, undefined> {
    for (const [, names] of this) yield names
  }

  *[Symbol.iterator](): Generator<[string, Map<string, string>], undefined> {
    for (const key of this.keys()) {
      const names = this.get(key)
      if (names !== undefined) yield [key, names]
    }
  }

  /** An independent copy; what was not asked for yet is shared. */
  copy(): ChildTable {
    const made = [...this.#made].map(([key, names]) => [key, names === null ? null : new Map(names)] as const)
    return new ChildTable(this.#tree, new Map(made))
  }
}
