import { toHex } from '@strongroom/crypto'
import { currentVersion, recordOf, type VaultNode, type VaultState } from '@strongroom/vault'
import { deviceNameOf } from '../session/device-names.ts'
import { FAVOURITE_RECORD } from './favourites.ts'
import { descendants, entryById } from './lookup.ts'
import type { EntryFacts } from './types.ts'

/** All that this device knows of a node, without the network; null when it is nowhere or in the trash. */
export function factsOf(state: VaultState, nodeId: string): EntryFacts | null {
  const entry = entryById(state, nodeId)
  const node = state.nodes.get(nodeId)
  if (entry === null || node === undefined) return null
  const version = currentVersion(node)
  const main = version?.contents.find((content) => content.slot === 'main')
  return {
    entry,
    createdMs: node.createdMs,
    isFavourite: recordOf(state, FAVOURITE_RECORD, node.id) !== null,
    versions: node.versions.length,
    storedMs: version?.timeMs ?? null,
    deviceName: version === null ? null : deviceNameOf(state, version.deviceId),
    keyMs: main?.dekTimeMs ?? null,
    blobId: main === undefined ? null : toHex(main.blobId),
    storedBytes: storedBytesOf(node),
    ...below(state, node),
  }
}

/** Ciphertext bytes of all versions, each blob once. */
function storedBytesOf({ versions }: VaultNode): number {
  const lengths = new Map<string, number>()
  for (const { contents } of versions) {
    for (const { blobId, blobLength } of contents) lengths.set(toHex(blobId), blobLength)
  }
  return [...lengths.values()].reduce((sum, length) => sum + length, 0)
}

function below(state: VaultState, node: VaultNode): Pick<EntryFacts, 'files' | 'folders' | 'bytes'> {
  const counts = { files: 0, folders: 0, bytes: 0 }
  if (node.kind !== 'folder') return counts
  for (const { node: child } of descendants(state, { node, names: [] })) {
    if (child.kind === 'folder') counts.folders += 1
    else counts.files += 1
    const main = currentVersion(child)?.contents.find((content) => content.slot === 'main')
    counts.bytes += main?.size ?? 0
  }
  return counts
}
