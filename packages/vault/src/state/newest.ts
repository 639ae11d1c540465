import { currentVersion, isInTrash } from './queries.ts'
import { RowTree } from './row-tree.ts'
import type { VaultNode, VaultState } from './state.ts'
import { LayeredTable } from './table.ts'

interface Dated {
  readonly node: VaultNode
  readonly ms: number
}

/**
 * The files whose content was changed last, by what their newest version says, the newest first; none of the trash. Rows
 * are looked at by their numbers, and nodes made of the few that are among the newest so far. [Note: Rows]
 *
 * @param most - how many, at most
 */
export function newestFiles(state: VaultState, most: number): VaultNode[] {
  const newest: Dated[] = []
  const consider = (ms: number, nodeOf: () => VaultNode | undefined): void => {
    if (newest.length >= most && ms <= (newest.at(-1)?.ms ?? Number.POSITIVE_INFINITY)) return
    const node = nodeOf()
    if (node === undefined || isInTrash(state, node.id)) return
    newest.splice(placeOf(newest, ms), 0, { node, ms })
    if (newest.length > most) newest.pop()
  }
  const considerNode = (node: VaultNode): void => {
    if (node.kind === 'file') consider(currentVersion(node)?.mtimeMs ?? node.createdMs, () => node)
  }
  const { nodes } = state
  if (!(nodes instanceof LayeredTable && nodes.base instanceof RowTree)) {
    for (const node of nodes.values()) considerNode(node)
    return newest.map(({ node }) => node)
  }
  const { rows } = nodes.base
  const changed = new Set<number>()
  for (const [key, node] of nodes.changes()) {
    changed.add(nodes.base.rowOf(key))
    if (node !== null) considerNode(node)
  }
  for (let row = 0; row < rows.count; row += 1) {
    const ms = changed.has(row) ? null : rows.changedMs(row)
    if (ms !== null) consider(ms, () => rows.at(row))
  }
  return newest.map(({ node }) => node)
}

/** Behind all that are as new. */
function placeOf(newest: readonly Dated[], ms: number): number {
  let [low, high] = [0, newest.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((newest[middle]?.ms ?? 0) >= ms) low = middle + 1
    else high = middle
  }
  return low
}
