/** What can be wrong between database, blob store and what commits say; `docs/operations.md` says what to do about each. */
export type ProblemKind =
  /** A blob that content can depend on has no object in the store. */
  | 'object_missing'
  /** The object is longer or shorter than its row says. */
  | 'object_length'
  /** A part of the object has not the digest that its row states, or the store calls it damaged. */
  | 'object_damaged'
  /** An object without a row that should have been collected days ago. */
  | 'object_left'
  /** A stored blob without a digest for each of its parts. */
  | 'digest_list'
  /** State and references of a blob contradict each other. */
  | 'blob_state'
  /** The count in the blob's row is not the sum over vaults. */
  | 'reference_count'
  /** A vault's references are not those that its commits add and release. */
  | 'references'
  /** A vault refers to a blob whose key it does not hold. */
  | 'wrap_missing'
  | 'commit_missing'
  /** A commit's bytes, chain or signature do not hold. */
  | 'commit_damaged'
  /** The vault's head is not its newest commit. */
  | 'head'
  /** The checkpoint is not the one that the newest naming commit names. */
  | 'checkpoint'
  /** The bytes charged to an account are not the sum over its blobs. */
  | 'usage'
  /** An account needs another OPAQUE setup than the one that is here. */
  | 'setup'
  /** A row is sealed under an outer key that is not there. */
  | 'outer_key_missing'
  /** A row does not open under its outer key. */
  | 'sealed_damaged'
  /** An audit log that does not hold. */
  | 'audit'

/** One of them; ids in hex. `found` and `expected` are counts or lengths. */
export interface Problem {
  readonly kind: ProblemKind
  readonly account?: string
  readonly vault?: string
  readonly blob?: string
  readonly table?: string
  readonly seq?: number
  readonly part?: number
  readonly expected?: number
  readonly found?: number
}

/** What a part of the examination hands its findings to. */
export interface Findings {
  readonly signal: AbortSignal
  report(problem: Problem): Promise<void>
  /**
   * Called between batches, which stand alone.
   * @param last - id of the last row that is done, in hex: where this part can go on
   * @param more - how much was examined since the last call
   */
  step(last: string, more: number): Promise<void>
}
