import { toHex } from '@strongroom/crypto'
import type { PurgeOperation, VaultNode } from '@strongroom/vault'
import type { DriveContext } from './context.ts'

/** Nodes that one commit of a purge takes. */
const COMMIT_NODES = 1000
/** Versions that one commit of a purge takes. */
const COMMIT_VERSIONS = 10_000

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

function* purgeBatches(nodes: readonly VaultNode[]): Generator<PurgeBatch> {
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
