import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import lockfile from 'proper-lockfile'
import { throwIfAborted } from '../../errors.ts'
import type { JournalStore } from '../../ports.ts'
import { isCode, localError, localIo } from './local-io.ts'
import { makeFolder } from './make-folder.ts'

/** How long a process that was killed seems to work at its transfers, in milliseconds. */
const STALE_MS = 3000
const LOOK_MS = 50
const ID = /^[0-9a-f]{32}$/

/** Journals as files of mode 0600 in `folder`, which is made when it is needed. */
export function journalStore(folder: string): JournalStore {
  const pathOf = (id: string): string => {
    if (!ID.test(id)) throw new Error('not the id of a transfer')
    return join(folder, id)
  }
  const made = () => makeFolder(folder, 0o700)
  return {
    async list() {
      const names = await readdir(folder).catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return []
        throw localError(error)
      })
      const found: { id: string; savedMs: number }[] = []
      for (const id of names.filter((name) => ID.test(name))) {
        const stats = await stat(pathOf(id)).catch(() => null)
        if (stats !== null) found.push({ id, savedMs: stats.mtimeMs })
      }
      return found
    },
    async load(id) {
      try {
        return new Uint8Array(await readFile(pathOf(id)))
      } catch (error) {
        if (isCode(error, 'ENOENT')) return null
        throw localError(error)
      }
    },
    save: (id, bytes) =>
      localIo(async () => {
        await made()
        // One process at a time works at a transfer. Reason for no flush: a record that a power cut takes away, or cuts
        // short, does not open, and the transfer begins anew.
        await writeFile(`${pathOf(id)}.tmp`, bytes, { mode: 0o600 })
        await rename(`${pathOf(id)}.tmp`, pathOf(id))
      }),
    remove: (id) =>
      localIo(async () => {
        await rm(`${pathOf(id)}.tmp`, { force: true })
        await rm(pathOf(id), { force: true })
      }),
    claim: (id, signal) =>
      localIo(async () => {
        await made()
        const end = Date.now() + STALE_MS + 10 * LOOK_MS
        for (;;) {
          try {
            // Reason for ignoring a lost lock: two that work at one transfer disturb each other, and break nothing.
            const options = { realpath: false, stale: STALE_MS, onCompromised: () => undefined }
            const release = await lockfile.lock(pathOf(id), options)
            return () => release().catch(() => undefined)
          } catch (error) {
            if (!isCode(error, 'ELOCKED')) throw error
            if (Date.now() > end) return null
            throwIfAborted(signal)
            await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
          }
        }
      }),
  }
}
