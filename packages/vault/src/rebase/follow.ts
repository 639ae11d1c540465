import type { NodeId } from '@strongroom/crypto/envelope'
import type { Operation } from '../log/operations.ts'
import { idKey } from '../state/id-key.ts'
import type { RebaseOutcome } from './types.ts'

/** Where a rebase took things that later operations name. */
export interface Translation {
  /** Folders to be created that are there under another id. */
  readonly merged: ReadonlyMap<string, NodeId>
  /** What became of nodes to be created that are left out. */
  readonly left: Map<string, RebaseOutcome>
  /** Versions that went into another node: a conflict copy. */
  readonly copies: ReadonlyMap<string, NodeId>
}

/** Translates an operation that was planned after rebased ones; an outcome when it is left out with them. */
export function follow(operation: Operation, { merged, left, copies }: Translation): Operation | RebaseOutcome {
  const folder = (id: NodeId): NodeId => merged.get(idKey(id)) ?? id
  switch (operation.op) {
    case 'create': {
      const gone = left.get(idKey(operation.parentId))
      // What is to be in it goes the same way.
      if (gone !== undefined) left.set(idKey(operation.nodeId), gone)
      return gone ?? { ...operation, parentId: folder(operation.parentId) }
    }
    case 'restore':
      return left.get(idKey(operation.parentId)) ?? { ...operation, parentId: folder(operation.parentId) }
    case 'move': {
      const { fromParentId, toParentId } = operation
      const moved = { ...operation, fromParentId: folder(fromParentId), toParentId: folder(toParentId) }
      return left.get(idKey(operation.nodeId)) ?? left.get(idKey(toParentId)) ?? moved
    }
    case 'addVersion': {
      const { baseVersionId, nodeId } = operation
      const copy = baseVersionId === null ? undefined : copies.get(idKey(baseVersionId))
      return left.get(idKey(nodeId)) ?? (copy === undefined ? operation : { ...operation, nodeId: copy })
    }
    case 'attach':
    case 'replace': {
      const copy = copies.get(idKey(operation.versionId))
      return left.get(idKey(operation.nodeId)) ?? (copy === undefined ? operation : { ...operation, nodeId: copy })
    }
    default:
      return operation
  }
}
