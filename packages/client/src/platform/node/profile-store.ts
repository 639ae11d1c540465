import { randomBytes, randomInt } from 'node:crypto'
import { appendFile, chmod, open, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import lockfile from 'proper-lockfile'
import { ClientError, throwIfAborted } from '../../errors.ts'
import type { LockName, StateName, StateStore } from '../../ports.ts'
import { journalStore } from './journal-store.ts'
import { isCode, localError, syncFolder } from './local-io.ts'
import { makeFolder } from './make-folder.ts'
import { readWhole } from './read-whole.ts'

export interface ProfileFolders {
  readonly config: string
  readonly state: string
}

/** Folders of the profile: `home` or STRONGROOM_HOME holds all; otherwise the XDG folders. */
export function profileFolders(home: string | undefined, env: NodeJS.ProcessEnv): ProfileFolders {
  const whole = home ?? env.STRONGROOM_HOME
  if (whole !== undefined && whole !== '') return { config: whole, state: whole }
  const xdg = (value: string | undefined, fallback: string) =>
    join(value?.startsWith('/') ? value : join(homedir(), fallback), 'strongroom')
  return { config: xdg(env.XDG_CONFIG_HOME, '.config'), state: xdg(env.XDG_STATE_HOME, '.local/state') }
}

const FILES: Record<StateName, { folder: keyof ProfileFolders; name: string }> = {
  profile: { folder: 'config', name: 'profile.json' },
  pins: { folder: 'state', name: 'pins.json' },
  cache: { folder: 'state', name: 'vault.cache' },
  cacheLog: { folder: 'state', name: 'vault.cache-log' },
  pending: { folder: 'state', name: 'pending.commit' },
  seen0: { folder: 'state', name: 'vault.seen-0' },
  seen1: { folder: 'state', name: 'vault.seen-1' },
  seen2: { folder: 'state', name: 'vault.seen-2' },
}

/** Reason: whatever a crash leaves of them opens to nothing that counts, and is read from the server again. */
const SHORTCUTS: readonly StateName[] = ['cache', 'cacheLog']

/** Files of mode 0600 in folders of mode 0700, each replaced atomically, and flushed to disk but for shortcuts; two locks for all processes. */
export function profileStore(folders: ProfileFolders): StateStore {
  const pathOf = (name: StateName) => join(folders[FILES[name].folder], FILES[name].name)
  const holders = new Map<LockName, Promise<unknown>>()
  return {
    journals: journalStore(join(folders.state, 'transfers')),
    async load(name) {
      try {
        return await readWhole(pathOf(name))
      } catch (cause) {
        if (isCode(cause, 'ENOENT')) return null
        throw profileError(cause)
      }
    },
    async save(name, bytes) {
      await profileIo(async () => {
        await privateFolder(folders[FILES[name].folder])
        await writeAtomically(pathOf(name), bytes, !SHORTCUTS.includes(name))
      })
    },
    async append(name, bytes) {
      await profileIo(async () => {
        await privateFolder(folders[FILES[name].folder])
        await appendFile(pathOf(name), bytes, { mode: 0o600, flush: !SHORTCUTS.includes(name) })
      })
    },
    async remove(name) {
      await profileIo(() => rm(pathOf(name), { force: true }))
    },
    async exclusively(task, lock = 'profile', signal) {
      // Reason: the lock is per process; tasks of this process queue up before it.
      const turn = (holders.get(lock) ?? Promise.resolve()).then(() => withLock(folders.state, { lock, signal }, task))
      holders.set(
        lock,
        turn.catch(() => undefined),
      )
      return await turn
    },
  }
}

/** Reason: a user has to learn that the profile is the matter, and not the file that a command works on. */
function profileError(cause: unknown): ClientError {
  const error = localError(cause)
  if (error.code !== 'local_io') return error
  return new ClientError('local_io', 'The folder of the profile cannot be used.', {
    cause,
    details: { ...error.details, place: 'profile' },
  })
}

async function profileIo<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    throw profileError(cause)
  }
}

/** A process that was killed while it held a lock is waited for this long, in milliseconds. */
const STALE_MS: Record<LockName, number> = { profile: 10_000, commit: 5000 }

interface Wanted {
  readonly lock: LockName
  readonly signal: AbortSignal | undefined
}

async function withLock<T>(folder: string, { lock, signal }: Wanted, task: () => Promise<T>): Promise<T> {
  await profileIo(() => privateFolder(folder))
  const release = await profileIo(() => acquire(join(folder, lock), STALE_MS[lock], signal))
  try {
    return await task()
  } finally {
    await release().catch(() => undefined)
  }
}

/** Waits as long as a living process holds the lock, which is the folder `<file>.lock`. */
async function acquire(file: string, stale: number, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
  for (;;) {
    throwIfAborted(signal)
    try {
      return await lockfile.lock(file, {
        realpath: false,
        stale,
        // Reason: a process that slept too long loses its lock to another one. Nothing breaks then: files are replaced
        // atomically, pins only move forward, and the server takes a change once.
        onCompromised: () => undefined,
      })
    } catch (error) {
      if (!isCode(error, 'ELOCKED')) throw error
      await new Promise((resolve) => setTimeout(resolve, 10 + randomInt(60)))
    }
  }
}

async function privateFolder(folder: string): Promise<void> {
  const made = await makeFolder(folder, 0o700)
  if (made !== undefined) await chmod(folder, 0o700)
}

/** Writes a private file so that a crash leaves the old bytes or the new ones; of the machine only where it is flushed. */
async function writeAtomically(path: string, bytes: Uint8Array, flushed: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      if (flushed) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    if (flushed) await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}
