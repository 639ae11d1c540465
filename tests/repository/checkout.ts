import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a checkout holds besides the repository's own files: installs, builds, data and reports. */
const ANYWHERE = new Set(['node_modules', 'dist', '.git', '.tmp'])
const AT_ROOT = new Set(['data', 'artifacts'])

/**
 * The repository's files, committed or not, relative to its root.
 *
 * Reason: a walk, because a copy of the checkout need not be a git repository.
 */
export function checkoutFiles(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (ANYWHERE.has(entry.name) || (folder === '' && AT_ROOT.has(entry.name))) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return checkoutFiles(path)
    return /\.(tgz|log)$/.test(entry.name) || !entry.isFile() ? [] : [path]
  })
}

export function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}
