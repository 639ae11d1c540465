import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { makeFolder } from '../../make-folder.ts'
import { KeyManagementError } from '../../ports/index.ts'
import { systemCode } from '../system-code.ts'

const base64 = z.string().regex(/^[A-Za-z0-9+/]{43}=$/)
const storedKey = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  name: z.string().optional(),
  createdMs: z.number().int(),
  state: z.enum(['enabled', 'disabled', 'pending_destruction', 'destroyed']),
  destroyAtMs: z.number().int().nullable(),
  /** Base64 of 32 bytes each; version n stands at n − 1. Empty once the key is destroyed. */
  versions: z.array(base64),
})
const storedFile = z.strictObject({
  version: z.literal(1),
  about: z.string(),
  currentKeyId: z.string().nullable(),
  keys: z.array(storedKey),
})

export type StoredKey = z.infer<typeof storedKey>
export type KeyRing = z.infer<typeof storedFile>

const LOCK_STALE_MS = 10_000

const ABOUT = "Strongroom's key file. Keep a copy apart from the database and the blobs: without it nothing opens."

function unavailable(message: string, cause?: unknown): KeyManagementError {
  return new KeyManagementError('unavailable', message, { cause })
}

/**
 * Reads the key file; null where there is none.
 * @throws KeyManagementError `unavailable`, with one line that says what is wrong with the file
 */
export async function readKeyRing(file: string): Promise<KeyRing | null> {
  let text: string
  try {
    const found = await stat(file)
    if (!found.isFile()) throw unavailable(`The key file ${file} is no file; put its backup in its place.`)
    if ((found.mode & 0o077) !== 0) {
      throw unavailable(`The key file ${file} can be read by others; run: chmod 600 ${file}`)
    }
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    if (error instanceof KeyManagementError) throw error
    throw unavailable(`The key file ${file} cannot be read; give this user the rights to it.`, error)
  }
  try {
    return storedFile.parse(JSON.parse(text))
  } catch {
    // Reason: the cause would quote key material.
    throw unavailable(`The key file ${file} is damaged; put its backup in its place.`)
  }
}

/** What changes whenever the file is replaced; null where there is none. */
export async function keyRingStamp(file: string): Promise<string | null> {
  try {
    const { ino, mtimeMs, size, mode } = await stat(file)
    return `${ino} ${mtimeMs} ${size} ${mode}`
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw unavailable(`The key file ${file} cannot be read; give this user the rights to it.`, error)
  }
}

/**
 * Runs `change` while no other process changes the file: servers may share one. A lock whose holder died is taken
 * over after `LOCK_STALE_MS`, which is far longer than a change takes.
 */
export async function withKeyRingLock<T>(file: string, change: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  const deadline = Date.now() + 2 * LOCK_STALE_MS
  for (;;) {
    try {
      await mkdir(lock, { mode: 0o700 })
      break
    } catch (error) {
      if (systemCode(error) !== 'EEXIST' || Date.now() > deadline) {
        throw unavailable(`The key file ${file} cannot be locked for a change.`, error)
      }
    }
    const held = await stat(lock).catch(() => null)
    if (held !== null && Date.now() - held.mtimeMs > LOCK_STALE_MS) await rmdir(lock).catch(() => undefined)
    await delay(20)
  }
  try {
    return await change()
  } finally {
    await rmdir(lock).catch(() => undefined)
  }
}

async function writeTemporary(file: string, ring: KeyRing): Promise<string> {
  await removeTemporaries(file)
  const temporary = `${file}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(ring, null, 2)}\n`)
    await handle.sync()
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  return temporary
}

/** Reason: what a killed server has left holds keys, also those that are destroyed later. */
async function removeTemporaries(file: string): Promise<void> {
  const folder = path.dirname(file)
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((one) => one.startsWith(`${path.basename(file)}.new-`))) {
    const left = path.join(folder, name)
    const found = await stat(left).catch(() => null)
    if (found !== null && Date.now() - found.mtimeMs > LOCK_STALE_MS) await rm(left, { force: true })
  }
}

async function syncFolderOf(file: string): Promise<void> {
  const handle = await open(path.dirname(file), 'r')
  await handle.sync().finally(() => handle.close())
}

/** Creates an empty key file, write-once: a server that was faster keeps its own. */
export async function createKeyRing(file: string): Promise<void> {
  await makeFolder(path.dirname(file), 0o700)
  const temporary = await writeTemporary(file, { version: 1, about: ABOUT, currentKeyId: null, keys: [] })
  try {
    await link(temporary, file)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolderOf(file)
}

/**
 * Replaces the key file atomically; the old one stays whole until the new one is durable.
 *
 * @param read - stamp of the file that `ring` was made from. Reason: a process that was stopped for long has lost its
 *   lock without knowing, and what it then wrote would take away keys that others have made since
 */
export async function writeKeyRing(file: string, ring: KeyRing, read: string | null): Promise<void> {
  const temporary = await writeTemporary(file, ring)
  try {
    if ((await keyRingStamp(file)) !== read) throw unavailable(`The key file ${file} was changed by another server.`)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolderOf(file)
}
