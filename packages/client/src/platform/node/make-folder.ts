import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isCode } from './local-io.ts'

/**
 * Makes a folder and those above it; one that is there is left as it is.
 *
 * Reason: `mkdir` with `recursive` never returns below a folder that takes no new ones and says ENOENT, as /proc does:
 * it finds the folder above there, and tries again without end.
 *
 * @returns the topmost folder that was made; undefined when all were there
 * @throws the system's error
 */
export async function makeFolder(path: string, mode = 0o777): Promise<string | undefined> {
  const above = dirname(path)
  try {
    return await makeOne(path, mode)
  } catch (error) {
    if (!isCode(error, 'ENOENT') || above === path) throw error
  }
  const topmost = await makeFolder(above, mode)
  const made = await makeOne(path, mode)
  return topmost ?? made
}

async function makeOne(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode })
    return path
  } catch (error) {
    if (await isFolder(path)) return undefined
    throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
