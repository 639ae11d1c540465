import { lstat } from 'node:fs/promises'
import type { TreeItem } from '@strongroom/client'
import { fileSource, linkTarget, localTree } from '@strongroom/client/node'
import type { PathFilter } from './filters.ts'
import { baseName } from './remote-path.ts'

/** One source on the command line and the remote path that it becomes. */
export interface Placement {
  readonly localPath: string
  readonly remotePath: string
}

export interface UploadOptions {
  readonly filter: PathFilter
  /** With `-r`: folders with all in them, and symbolic links as such. */
  readonly recursive: boolean
  /** Whether folders that hold nothing of interest are put too. */
  readonly emptyFolders: boolean
  /** Told about what cannot be read or stored; the rest goes on. */
  readonly onFailure: (localPath: string, error: unknown) => void
}

/** Everything that an upload of several sources consists of, folders before what is in them. */
export async function* uploadItems(placements: readonly Placement[], options: UploadOptions): AsyncGenerator<TreeItem> {
  for (const placement of placements) {
    try {
      yield* sourceItems(placement, options)
    } catch (error) {
      options.onFailure(placement.localPath, error)
    }
  }
}

/** The local path of what was to become `remotePath`, as its source was named. */
export function localPathOf(placements: readonly Placement[], remotePath: string): string {
  for (const placement of placements) {
    if (remotePath === placement.remotePath) return placement.localPath
    const folder = placement.remotePath === '/' ? '/' : `${placement.remotePath}/`
    if (remotePath.startsWith(folder)) return `${placement.localPath}/${remotePath.slice(folder.length)}`
  }
  return remotePath
}

/** Bytes of all files of an upload. */
export async function uploadSize(placements: readonly Placement[], options: UploadOptions): Promise<number> {
  let size = 0
  for await (const item of uploadItems(placements, options)) {
    if (item.source?.kind === 'seekable') size += item.source.size
  }
  return size
}

async function* sourceItems(placement: Placement, options: UploadOptions): AsyncGenerator<TreeItem> {
  const { localPath, remotePath } = placement
  const { filter } = options
  const stats = await lstat(localPath)
  if (options.recursive && isFolder(stats, localPath)) {
    const tree = localTree(localPath, remotePath, {
      filter: (path, kind) => (kind === 'folder' ? !filter.excludesFolder(path) : filter.includes(path)),
      onSkipped: (path, error) => options.onFailure(`${localPath}/${path}`, error),
    })
    for await (const item of options.emptyFolders ? tree : withoutEmptyFolders(tree)) {
      if (item.path !== '/') yield item
    }
  } else if (!filter.includes(baseName(remotePath))) {
    return
  } else if (options.recursive && stats.isSymbolicLink()) {
    const target = await linkTarget(localPath)
    yield { path: remotePath, kind: 'symlink', target, mtimeMs: Math.floor(stats.mtimeMs) }
  } else {
    const source = await fileSource(localPath)
    yield { path: remotePath, kind: 'file', source, mtimeMs: source.mtimeMs, mode: source.mode }
  }
}

// Reason: with a "." at its end the path means the folder itself, even where lstat sees a link.
function isFolder(stats: { isDirectory(): boolean }, localPath: string): boolean {
  return stats.isDirectory() || /(^|[/\\])\.{1,2}[/\\]?$/.test(localPath)
}

/** Holds folders back until something in them comes; those that stay empty never do. */
async function* withoutEmptyFolders(tree: AsyncIterable<TreeItem>): AsyncGenerator<TreeItem> {
  let waiting: TreeItem[] = []
  for await (const item of tree) {
    waiting = waiting.filter((folder) => folder.path === '/' || item.path.startsWith(`${folder.path}/`))
    if (item.kind === 'folder') waiting.push(item)
    else {
      yield* waiting.splice(0)
      yield item
    }
  }
}
