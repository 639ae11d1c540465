import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Conflict, numberedName } from '@strongroom/client'
import { makeFolder } from '@strongroom/client/node'
import { EXIT } from './exit-codes.ts'
import { CliError } from './failure.ts'
import { quoted } from './output.ts'
import { systemErrorText } from './system-errors.ts'

/** What is at a local path, a symbolic link as such; null when nothing is. */
export async function lstatOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new CliError(EXIT.failed, `Cannot look at ${quoted(path)}: ${systemErrorText(error)}.`, { cause: error })
  }
}

/** Whether a local path is a folder, or a link to one. */
export async function isLocalFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** Makes a local folder and those above it. @throws CliError */
export async function makeLocalFolder(path: string): Promise<void> {
  try {
    await makeFolder(path)
  } catch (cause) {
    const exists = ['EEXIST', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')
    throw new CliError(
      exists ? EXIT.conflict : EXIT.failed,
      `Cannot make the folder ${quoted(path)}: ${systemErrorText(cause)}.`,
      { cause },
    )
  }
}

/**
 * Refuses a symbolic link where a downloaded folder has to be. The name comes from the vault, and an earlier download
 * may have made the link: writing through it would let a log choose where on this disk.
 *
 * @throws CliError `conflict`
 */
export async function refuseLink(path: string): Promise<void> {
  if ((await lstatOrNull(path))?.isSymbolicLink() !== true) return
  throw new CliError(
    EXIT.conflict,
    `${quoted(path)} is a symbolic link here, and nothing is written through one; move it away first.`,
  )
}

/**
 * Where a download goes when `path` may be taken: `path` itself, a free name beside it, or null for "leave it".
 *
 * @throws CliError `conflict` when a folder is in the way
 */
export async function resolveLocalConflict(path: string, conflict: Conflict): Promise<string | null> {
  const there = await lstatOrNull(path)
  if (there === null) return path
  if (conflict === 'skip') return null
  if (conflict === 'keep-both') return freeName(path)
  if (there.isDirectory()) {
    throw new CliError(EXIT.conflict, `${quoted(path)} is a folder here; move it away, or say --conflict keep-both.`)
  }
  return path
}

/** `photo (2).jpg` for `photo.jpg`, with the first number that is free. */
async function freeName(path: string): Promise<string> {
  for (let number = 2; ; number += 1) {
    const candidate = join(dirname(path), numberedName(basename(path), number))
    if ((await lstatOrNull(candidate)) === null) return candidate
  }
}

/** Local path of a relative, `/`-separated one. */
export function localChild(folder: string, path: string): string {
  return join(folder, ...path.split('/'))
}
