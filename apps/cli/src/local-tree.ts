import type { BigIntStats } from 'node:fs'
import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { EXIT } from './exit-codes.ts'
import { CliError } from './failure.ts'
import type { PathFilter } from './filters.ts'

/** A thing on the local disk that takes part in an upload. */
export interface LocalItem {
  readonly localPath: string
  /** Relative to the tree's top, `/`-separated; empty for the top itself. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink'
  /** Bytes; 0 unless a file. */
  readonly size: number
  /** Milliseconds since 1970, maybe negative, whole. */
  readonly mtimeMs: number
  /** Permission bits. */
  readonly mode: number
  /** Of symlinks, as stored. */
  readonly target?: string
}

export interface LocalWalkOptions {
  readonly filter: PathFilter
  /** Whether folders that hold nothing of interest are given too. */
  readonly emptyFolders: boolean
  /** Whether a symbolic link at the top stands for what it points to. */
  readonly followTop: boolean
  readonly signal: AbortSignal
  /** Told about what cannot be read or stored; the walk goes on. */
  readonly onFailure: (localPath: string, error: unknown) => void
}

/**
 * The top and everything below it, folders before what is in them, by name. Symbolic links are given as such and never
 * followed; sockets, pipes and devices are failures.
 */
export async function* walkLocal(top: string, options: LocalWalkOptions): AsyncGenerator<LocalItem> {
  const item = await localItem(top, '', options.followTop)
  if (item.kind === 'folder' || options.filter.includes(basename(top))) yield item
  if (item.kind === 'folder') yield* walkFolder(item, [], options)
}

/** `pending` holds the folders above that were not given yet, because nothing in them was so far. */
async function* walkFolder(
  folder: LocalItem,
  pending: LocalItem[],
  options: LocalWalkOptions,
): AsyncGenerator<LocalItem> {
  let names: string[]
  try {
    names = await namesIn(folder.localPath, options.onFailure)
  } catch (error) {
    options.onFailure(folder.localPath, error)
    return
  }
  for (const name of names) {
    if (options.signal.aborted) return
    const path = folder.path === '' ? name : `${folder.path}/${name}`
    if (options.filter.excludesFolder(path)) continue
    let item: LocalItem
    try {
      item = await localItem(join(folder.localPath, name), path)
    } catch (error) {
      if (options.filter.includes(path)) options.onFailure(join(folder.localPath, name), error)
      continue
    }
    if (item.kind === 'folder') {
      if (options.emptyFolders) yield item
      else pending.push(item)
      yield* walkFolder(item, pending, options)
      if (pending.at(-1) === item) pending.pop()
    } else if (options.filter.includes(path)) {
      yield* pending.splice(0)
      yield item
    }
  }
}

async function namesIn(folder: string, onFailure: LocalWalkOptions['onFailure']): Promise<string[]> {
  const names: string[] = []
  for (const bytes of await readdir(folder, { encoding: 'buffer' })) {
    const name = bytes.toString('utf8')
    // Reason: a name that is not UTF-8 would be stored as another one, silently.
    if (Buffer.from(name, 'utf8').equals(bytes)) names.push(name)
    else onFailure(join(folder, name), new CliError(EXIT.failed, 'Its name is not UTF-8; rename it, then try again.'))
  }
  return names.sort()
}

/** @throws CliError for what is neither file, folder nor symbolic link; system errors */
async function localItem(localPath: string, path: string, follow = false): Promise<LocalItem> {
  const stats = await (follow ? stat : lstat)(localPath, { bigint: true })
  const common = { localPath, path, mtimeMs: wholeMs(stats), mode: Number(stats.mode & 0o777n) }
  if (stats.isFile()) return { ...common, kind: 'file', size: Number(stats.size) }
  if (stats.isDirectory()) return { ...common, kind: 'folder', size: 0 }
  if (stats.isSymbolicLink()) {
    return { ...common, kind: 'symlink', size: 0, target: await linkTarget(localPath) }
  }
  throw new CliError(EXIT.failed, 'It is a socket, pipe or device; only files, folders and symbolic links are stored.')
}

async function linkTarget(localPath: string): Promise<string> {
  const bytes = await readlink(localPath, { encoding: 'buffer' })
  const target = bytes.toString('utf8')
  if (Buffer.from(target, 'utf8').equals(bytes)) return target
  throw new CliError(EXIT.failed, 'Its link target is not UTF-8; it cannot be stored.')
}

/** Modification time in whole milliseconds, as `mtimeMs` rounds it. */
function wholeMs(stats: BigIntStats): number {
  return Math.round(Number(stats.mtimeNs) / 1e6)
}
