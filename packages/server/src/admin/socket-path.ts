import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Longest path of a socket: 104 bytes with the closing zero on macOS, 108 on Linux. */
const SOCKET_PATH_LIMIT = 103

/** The admin socket of a data folder. */
export function adminSocketOf(dataDir: string): string {
  return join(dataDir, 'admin.sock')
}

/**
 * Runs a task with a path that leads to `socket` and that a socket address can hold.
 *
 * Reason: the path of a socket has a limit, a link on the way to it does not. The folder of the link is closed to
 * others, so nobody can exchange it.
 */
export async function withShortPath<T>(socket: string, task: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(socket) <= SOCKET_PATH_LIMIT) return task(socket)
  const folder = await mkdtemp(join(Buffer.byteLength(tmpdir()) < 60 ? tmpdir() : '/tmp', 'strongroom-'))
  try {
    const link = join(folder, 's')
    await symlink(dirname(socket), link)
    return await task(join(link, basename(socket)))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
