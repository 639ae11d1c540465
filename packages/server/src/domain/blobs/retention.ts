/** How long things are kept that nothing refers to, in milliseconds. */
export interface Retention {
  /** Since a blob's last activity: reserved ones are dropped then, stored ones condemned. */
  readonly uploadIdleMs: number
  /**
   * Since a blob was condemned, and since an object was first seen without a row.
   *
   * Invariant: at least the restore window. A database that is set back by less than that then finds every object that
   * its rows count on, and clients can bring back the rows that it lost.
   */
  readonly graceMs: number
}
