import { toHex } from '@strongroom/crypto'
import { type PurgeOperation, subtreeOf, type VaultNode, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { DriveContext } from './context.ts'

/** Nodes that one commit of a purge takes. */
const COMMIT_NODES = 1000
/** Versions that one commit of a purge takes. */
const COMMIT_VERSIONS = 10_000
/** How often a purge is planned anew because others committed first. */
const ATTEMPTS = 20

type PurgeBatch = Pick<PurgeOperation, 'nodeIds' | 'versionIds'>

/**
 * Destroys nodes with the versions that they have here, in as many commits as it takes.
 *
 * @param nodes - children before their parents; what others add meanwhile is not listed and moves to Recovered
 */
export async function purgeNodes(
  context: DriveContext,
  nodes: readonly VaultNode[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const batch of purgeBatches(nodes)) {
    await context.log.commit((state) => {
      if (!batch.nodeIds.some((id) => state.nodes.has(toHex(id)))) return null
      return { operations: [{ op: 'purge', ...batch }], contents: [] }
    }, signal)
  }
}

/**
 * Destroys what is in the trash, as long as it is: what another device restores meanwhile, or trashes anew, is left
 * alone. Each commit is planned on the newest state and never rebased.
 *
 * @param tops - trashed themselves, as they were seen
 */
export async function purgeTrashed(
  context: DriveContext,
  tops: readonly VaultNode[],
  signal: AbortSignal | undefined,
): Promise<void> {
  let lost = 0
  for (;;) {
    let isDone = false
    const { rebased } = await context.log.commit((state) => {
      const batch = purgeBatches(stillTrashed(state, tops)).next()
      isDone = batch.done === true
      if (batch.done) return null
      return { operations: [{ op: 'purge', ...batch.value }], contents: [], onlyAsPlanned: true }
    }, signal)
    if (isDone) return
    if (rebased) lost += 1
    if (lost >= ATTEMPTS) throw new ClientError('conflict', 'Others kept committing first; try again.')
  }
}

/** Everything in what is still in the trash since then; children before their parents. */
function stillTrashed(state: VaultState, tops: readonly VaultNode[]): VaultNode[] {
  const found = new Map<string, VaultNode>()
  for (const top of tops) {
    if (state.nodes.get(toHex(top.id))?.trashedMs !== top.trashedMs) continue
    for (const node of subtreeOf(state, top.id)) found.set(toHex(node.id), node)
  }
  return [...found.values()]
}

function* purgeBatches(nodes: readonly VaultNode[]): Generator<PurgeBatch, undefined> {
  let batch: PurgeBatch = { nodeIds: [], versionIds: [] }
  for (const node of nodes) {
    const versionIds = node.versions.map((version) => ({ nodeId: node.id, versionId: version.id }))
    const full = batch.nodeIds.length >= COMMIT_NODES || batch.versionIds.length + versionIds.length > COMMIT_VERSIONS
    if (full && batch.nodeIds.length > 0) {
      yield batch
      batch = { nodeIds: [], versionIds: [] }
    }
    batch.nodeIds.push(node.id)
    batch.versionIds.push(...versionIds)
  }
  if (batch.nodeIds.length > 0) yield batch
}
