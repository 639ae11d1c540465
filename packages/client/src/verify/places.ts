import { compareBytes, toHex } from '@strongroom/crypto'
import { isInTrash, pathOf, type VaultState } from '@strongroom/vault'
import { descendants, needPath } from '../drive/lookup.ts'
import { formatPath } from '../drive/paths.ts'
import { formerNames } from '../drive/trash.ts'
import { type KeyedContent, keyedContents } from '../keys/contents.ts'
import type { Finding, FindingKind } from './types.ts'

/** The contents that a run goes through, each blob once, in the order of blob ids, which never changes. */
export function contentsToVerify(state: VaultState, path: string | undefined): KeyedContent[] {
  const wanted = path === undefined ? null : nodesAt(state, path)
  const blobs = new Map<string, KeyedContent>()
  for (const content of keyedContents(state)) {
    if (wanted !== null && !content.places.some(({ nodeId }) => wanted.has(toHex(nodeId)))) continue
    const key = toHex(content.record.blobId)
    const known = blobs.get(key)
    blobs.set(key, known === undefined ? content : { ...known, places: [...known.places, ...content.places] })
  }
  return [...blobs.values()].sort((a, b) => compareBytes(a.record.blobId, b.record.blobId))
}

/** @throws ClientError `not_found`, `usage` */
function nodesAt(state: VaultState, path: string): ReadonlySet<string> {
  const top = needPath(state, path)
  const ids = new Set([toHex(top.node.id)])
  if (top.node.kind === 'folder') for (const { node } of descendants(state, top)) ids.add(toHex(node.id))
  return ids
}

/** A finding for each version that needs the content; none where they were destroyed meanwhile. */
export function findingsOf(
  state: VaultState,
  { record, places }: KeyedContent,
  what: { readonly kind: FindingKind; readonly part: number | null },
): Finding[] {
  return places.flatMap(({ nodeId, versionId }): Finding[] => {
    const node = state.nodes.get(toHex(nodeId))
    const index = node?.versions.findIndex(({ id }) => toHex(id) === toHex(versionId)) ?? -1
    if (node === undefined || index < 0) return []
    return [
      {
        ...what,
        path: formatPath(pathOf(state, nodeId) ?? formerNames(state, node)),
        version: index + 1,
        current: index === node.versions.length - 1,
        trashed: isInTrash(state, nodeId),
        slot: record.slot,
      },
    ]
  })
}
