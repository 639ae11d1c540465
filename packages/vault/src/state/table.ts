/** What of a map is read. */
export interface ReadonlyTable<V> extends Iterable<[string, V]> {
  readonly size: number
  get(key: string): V | undefined
  has(key: string): boolean
  keys(): Iterable<string>
  values(): Iterable<V>
}

/** A map as this package changes it. */
export interface Table<V> extends ReadonlyTable<V> {
  set(key: string, value: V): unknown
  delete(key: string): boolean
}

/** Entries that nobody changes, made when they are asked for. */
export interface TableBase<V> {
  readonly size: number
  get(key: string): V | undefined
  keys(): Iterable<string>
}

/** A base, and what was changed since. Copies share the base, so that one costs no more than the changes. */
export class LayeredTable<V> implements Table<V> {
  readonly base: TableBase<V>
  /** null where an entry of the base is gone. */
  readonly #changed: Map<string, V | null>
  /** Entries more than in the base. */
  #more = 0

  constructor(base: TableBase<V>, changed: Iterable<[string, V | null]> = []) {
    this.base = base
    this.#changed = new Map(changed)
  }

  get size(): number {
    return this.base.size + this.#more
  }

  get(key: string): V | undefined {
    const changed = this.#changed.get(key)
    return changed === undefined ? this.base.get(key) : (changed ?? undefined)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  set(key: string, value: V): this {
    if (!this.has(key)) this.#more += 1
    this.#changed.set(key, value)
    return this
  }

  delete(key: string): boolean {
    if (!this.has(key)) return false
    this.#more -= 1
    if (this.base.get(key) === undefined) this.#changed.delete(key)
    else this.#changed.set(key, null)
    return true
  }

  *keys(): Generator<string, undefined> {
    for (const key of this.base.keys()) if (!this.#changed.has(key)) yield key
    for (const [key, value] of this.#changed) if (value !== null) yield key
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this) yield value
  }

  *[Symbol.iterator](): Generator<[string, V], undefined> {
    for (const key of this.keys()) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
  }

  /** What was changed since the base: null where an entry of it is gone. */
  changes(): Iterable<[string, V | null]> {
    return this.#changed
  }

  copy(): LayeredTable<V> {
    const copy = new LayeredTable(this.base, this.#changed)
    copy.#more = this.#more
    return copy
  }

  /** Keys under which this table and another one may differ: what changed in either, where both have one base. */
  keysBeside(other: LayeredTable<V>): Iterable<string> | null {
    return this.base === other.base ? new Set([...this.#changed.keys(), ...other.#changed.keys()]) : null
  }
}

/** An independent copy; values are shared. */
export function copyTable<V>(table: ReadonlyTable<V>): Table<V> {
  return table instanceof LayeredTable ? table.copy() : new Map(table)
}

/** Keys under which two tables may differ. */
export function keysThatDiffer<V>(a: ReadonlyTable<V>, b: ReadonlyTable<V>): Iterable<string> {
  const few = a instanceof LayeredTable && b instanceof LayeredTable ? a.keysBeside(b) : null
  return few ?? new Set([...a.keys(), ...b.keys()])
}
