import { ClientError, type Drive, type Entry } from '@strongroom/client'
import type { FolderRow, ItemFacts, ItemSum, Taken } from './vault-api.ts'

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

/** What lies already at some of these paths; forms of one name that look the same are one. */
export function takenPaths(drive: Drive, paths: readonly string[]): Taken[] {
  const folders = new Map<string, ReadonlyMap<string, Entry>>()
  return paths.flatMap((path) => {
    const slash = path.lastIndexOf('/')
    const folder = path.slice(0, slash) || '/'
    const names = folders.get(folder) ?? new Map(entriesIn(drive, folder).map((entry) => [composed(entry.name), entry]))
    folders.set(folder, names)
    const entry = names.get(composed(path.slice(slash + 1)))
    return entry === undefined ? [] : [{ path, kind: entry.kind, size: entry.size, timeMs: entry.mtimeMs }]
  })
}

/** The folders in a folder, by name, and whether there are more in each. */
export function subfolders(drive: Drive, path: string): FolderRow[] {
  return foldersIn(drive, path).map((entry) => ({
    nodeId: entry.nodeId,
    path: entry.path,
    name: entry.name,
    hasFolders: foldersIn(drive, entry.path).length > 0,
  }))
}

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

function foldersIn(drive: Drive, path: string): Entry[] {
  return entriesIn(drive, path)
    .filter((entry) => entry.kind === 'folder')
    .sort((a, b) => byName.compare(a.name, b.name))
}

function composed(name: string): string {
  return name.normalize('NFC')
}

/** Entries of a folder that may not exist. */
function entriesIn(drive: Drive, folder: string): Entry[] {
  try {
    return drive.listLocal(folder)
  } catch (error) {
    if (error instanceof ClientError && (error.code === 'not_found' || error.code === 'not_a_folder')) return []
    throw error
  }
}
