import type { Drive } from '@strongroom/client'
import type { ItemFacts, ItemSum } from './vault-api.ts'

/** What the details panel shows of one entry, or null when it is gone. */
export function itemFacts(drive: Drive, nodeId: string): ItemFacts | null {
  const found = drive.facts(nodeId)
  if (found === null) return null
  const { entry, ...facts } = found
  const { path, name, kind, size, mtimeMs, target = null } = entry
  return { nodeId, path, name, kind, size, mtimeMs, target, ...facts }
}

/** What several entries hold together. */
export function itemSum(drive: Drive, nodeIds: readonly string[]): ItemSum {
  const sum = { files: 0, folders: 0, bytes: 0 }
  for (const nodeId of nodeIds) {
    const found = drive.facts(nodeId)
    if (found === null) continue
    const isFolder = found.entry.kind === 'folder'
    sum.files += found.files + (isFolder ? 0 : 1)
    sum.folders += found.folders + (isFolder ? 1 : 0)
    sum.bytes += found.bytes + found.entry.size
  }
  return sum
}
