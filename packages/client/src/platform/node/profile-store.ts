import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import lockfile from 'proper-lockfile'
import type { StateName, StateStore } from '../../ports.ts'
import { isCode, localError, localIo, syncFolder } from './local-io.ts'

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
}

/** Files of mode 0600 in folders of mode 0700, each replaced atomically; one lock for all processes. */
export function profileStore(folders: ProfileFolders): StateStore {
  const pathOf = (name: StateName) => join(folders[FILES[name].folder], FILES[name].name)
  let holders: Promise<unknown> = Promise.resolve()
  return {
    async load(name) {
      try {
        return new Uint8Array(await readFile(pathOf(name)))
      } catch (cause) {
        if (isCode(cause, 'ENOENT')) return null
        throw localError(cause)
      }
    },
    async save(name, bytes) {
      await localIo(async () => {
        await privateFolder(folders[FILES[name].folder])
        await writeAtomically(pathOf(name), bytes)
      })
    },
    async remove(name) {
      await localIo(() => rm(pathOf(name), { force: true }))
    },
    async exclusively(task) {
      // Reason: the lock is per process; tasks of this process queue up before it.
      const turn = holders.then(() => withLock(folders.state, task))
      holders = turn.catch(() => undefined)
      return await turn
    },
  }
}

async function withLock<T>(folder: string, task: () => Promise<T>): Promise<T> {
  await localIo(() => privateFolder(folder))
  const release = await localIo(() =>
    lockfile.lock(folder, {
      lockfilePath: join(folder, 'profile.lock'),
      stale: 10_000,
      retries: { retries: 60, factor: 1.2, minTimeout: 20, maxTimeout: 500, randomize: true },
    }),
  )
  try {
    return await task()
  } finally {
    await release().catch(() => undefined)
  }
}

async function privateFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined) await chmod(folder, 0o700)
}

/** Writes a private file so that a crash leaves the old bytes or the new ones. */
async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}
