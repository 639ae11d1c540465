import { chown, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/** Who PostgreSQL runs as; null means: as this process does. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
}

/** Makes directory entries below `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Replaces a file atomically and durably. The temporary name is created anew, so that a link planted under either
 * name by a less trusted owner of the folder is never followed.
 */
export async function replaceFile(file: string, text: string, mode: number, owner: RunAs | null): Promise<void> {
  const temporary = `${file}.new-${process.pid}`
  await rm(temporary, { force: true })
  const handle = await open(temporary, 'wx', mode)
  try {
    await handle.writeFile(text)
    if (owner !== null) await handle.chown(owner.uid, owner.gid)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  await syncFolder(path.dirname(file))
}

/** Makes a folder that belongs to who PostgreSQL runs as. */
export async function makeOwnedFolder(folder: string, owner: RunAs | null): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (owner !== null) await chown(folder, owner.uid, owner.gid)
}

/**
 * Whether `user` may enter every folder on the way to `target` and, of the target itself, may do what `needed` says
 * (5: read and execute, 4: read), judged by the mode bits.
 */
export async function reaches(user: RunAs, target: string, needed: 4 | 5 = 5): Promise<boolean> {
  for (let place = target; ; place = path.dirname(place)) {
    const { uid, gid, mode } = await stat(place)
    const bits = place === target ? needed : 1
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0
    if (((mode >> shift) & bits) !== bits) return false
    if (place === path.dirname(place)) return true
  }
}
