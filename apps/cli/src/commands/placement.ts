import { lstat, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Drive, Entry } from '@strongroom/client'
import { ClientError } from '@strongroom/client'
import { EXIT } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { checkRemoteName, joinRemote, namesFolder, parseRemotePath } from '../remote-path.ts'
import { systemErrorText } from '../system-errors.ts'
import type { Placement } from '../upload-items.ts'

/** The entry at a path, or null. */
export async function statOrNull(drive: Drive, path: string, signal: AbortSignal): Promise<Entry | null> {
  try {
    return await drive.stat(path, { signal })
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return null
    throw error
  }
}

/**
 * Kind of a local source; with `recursive` a symbolic link is one, without it is what it points to, as with cp.
 *
 * @throws CliError `not_found`, `failed`; UsageError for a folder without `recursive`
 */
export async function sourceKind(source: string, recursive: boolean): Promise<'file' | 'folder'> {
  let isFolder: boolean
  try {
    const stats = recursive && !namesContents(source) ? await lstat(source) : await stat(source)
    isFolder = stats.isDirectory()
  } catch (cause) {
    const missing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')
    const message = `Cannot read ${quoted(source)}: ${systemErrorText(cause)}; check the path.`
    throw new CliError(missing ? EXIT.notFound : EXIT.failed, message, { cause })
  }
  if (isFolder && !recursive) {
    throw new UsageError(`${quoted(source)} is a folder; add -r to put it with everything in it.`)
  }
  return isFolder ? 'folder' : 'file'
}

// As with cp: `dir/.` and `.` stand for what the folder holds, `dir` for the folder itself.
function namesContents(source: string): boolean {
  return /(^|[/\\])\.{1,2}[/\\]?$/.test(source)
}

/**
 * Refuses two sources that would become one remote thing: the second would hide the first as a version of it. What
 * several folders hold (`dir/.`) may be put together.
 */
function refuseSameTarget(placements: readonly Placement[]): void {
  const taken = new Map<string, string>()
  for (const { localPath, remotePath } of placements) {
    if (namesContents(localPath)) continue
    const key = remotePath.normalize('NFC')
    const other = taken.get(key)
    if (other !== undefined && resolve(other) !== resolve(localPath)) {
      throw new UsageError(`${quoted(other)} and ${quoted(localPath)} would both become ${quoted(remotePath)}.`)
    }
    taken.set(key, localPath)
  }
}

/**
 * Where each source goes. A folder always lands inside the destination, which is made when missing, so that the same
 * command run again finds what it put before; a single file may be given a new name.
 *
 * @throws CliError when the destination does not fit; UsageError for a name that cannot be stored
 */
export async function placeSources(
  drive: Drive,
  sources: readonly { path: string; kind: 'file' | 'folder' }[],
  destination: string,
  signal: AbortSignal,
): Promise<Placement[]> {
  const target = parseRemotePath(destination)
  const entry = target === '/' ? { kind: 'folder' } : await statOrNull(drive, target, signal)
  const anyFolder = sources.some((source) => source.kind === 'folder')
  const wantsFolder = anyFolder || sources.length > 1 || namesFolder(destination)
  if (entry !== null && entry.kind !== 'folder' && wantsFolder) {
    throw new CliError(EXIT.conflict, `${quoted(target)} is not a folder; name another destination.`)
  }
  if (entry === null && wantsFolder && !anyFolder) {
    throw new CliError(EXIT.notFound, `There is no folder ${quoted(target)}; make it with "strongroom mkdir" first.`)
  }
  const inside = entry?.kind === 'folder' || wantsFolder
  const placements = sources.map(({ path, kind }) => {
    if (!inside) return { localPath: path, remotePath: target }
    if (kind === 'folder' && namesContents(path)) return { localPath: path, remotePath: target }
    const name = basename(resolve(path))
    if (name === '') throw new UsageError('The root folder has no name; put "/." to put what it holds.')
    checkRemoteName(name)
    return { localPath: path, remotePath: joinRemote(target, name) }
  })
  refuseSameTarget(placements)
  return placements
}
