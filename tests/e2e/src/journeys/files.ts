import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, mkdtemp, open, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesFrom } from './seeded-bytes.ts'

/** Runs `task` with a temporary folder that is removed afterwards. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-files-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A sparse file with islands of data at its ends, in its middle and around every eighth of it. */
export async function writeSparse(path: string, size: number): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.truncate(size)
    for (let eighth = 0; eighth < 8; eighth += 1) {
      const island = bytesFrom(eighth + 1, 70_000)
      await file.write(
        island,
        0,
        island.length,
        Math.max(0, Math.floor((size / 8) * eighth) - (eighth === 0 ? 0 : 35_000)),
      )
    }
    const end = bytesFrom(99, 1_000)
    await file.write(end, 0, end.length, size - end.length)
  } finally {
    await file.close()
  }
}

export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export interface TreeEntry {
  path: string
  kind: 'file' | 'folder' | 'symlink'
  size: number
  /** Whole milliseconds; 0 for folders and symbolic links, whose times the vault does not hold. */
  mtimeMs: number
  executable: boolean
  /** SHA-256 of a file, target of a symbolic link. */
  content: string
}

/** Rounded down, before 1970 too. */
export function wholeMilliseconds(nanoseconds: bigint): number {
  return Number((nanoseconds - (((nanoseconds % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n)
}

/** Everything below a folder, sorted by path. */
export async function readTree(folder: string, below = ''): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = []
  for (const name of await readdir(join(folder, below))) {
    const path = below === '' ? name : `${below}/${name}`
    const full = join(folder, path)
    const stat = await lstat(full, { bigint: true })
    const mtimeMs = wholeMilliseconds(stat.mtimeNs)
    if (stat.isSymbolicLink()) {
      entries.push({ path, kind: 'symlink', size: 0, mtimeMs: 0, executable: false, content: await readlink(full) })
    } else if (stat.isDirectory()) {
      entries.push({ path, kind: 'folder', size: 0, mtimeMs: 0, executable: false, content: '' })
      entries.push(...(await readTree(folder, path)))
    } else {
      const executable = (stat.mode & 0o100n) !== 0n
      entries.push({ path, kind: 'file', size: Number(stat.size), mtimeMs, executable, content: await hashOf(full) })
    }
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Collects what a suite must close; the last used goes first. (Node 20 lacks AsyncDisposableStack.) */
export function disposables(): { use<T extends AsyncDisposable>(value: T): T; dispose(): Promise<void> } {
  const kept: AsyncDisposable[] = []
  return {
    use(value) {
      kept.push(value)
      return value
    },
    async dispose() {
      for (const value of kept.splice(0).reverse()) await value[Symbol.asyncDispose]()
    },
  }
}
