import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Haystack } from './needles.ts'

/** Paths of everything below a folder, relative, sorted; links are listed, not followed. */
async function listTree(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true })
  return entries.map(String).sort()
}

/** Every regular file below a folder with its bytes; what vanishes meanwhile is left out. */
export async function readTree(root: string, skip: (path: string) => boolean = () => false): Promise<Haystack[]> {
  const found: Haystack[] = []
  for (const path of await listTree(root)) {
    if (skip(path)) continue
    try {
      if (!(await lstat(join(root, path))).isFile()) continue
      found.push({ name: path, bytes: await readFile(join(root, path)) })
    } catch (error) {
      // Reason: PostgreSQL removes write-ahead segments and temporary files while it runs.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return found
}
