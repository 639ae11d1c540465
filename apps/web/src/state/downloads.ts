import type { Vault } from '../bridge/connect.ts'
import { download, type RunningDownload } from '../bridge/download.ts'
import { nameOf, type Row } from '../bridge/rows.ts'
import type { VaultFailure } from '../worker/vault-api.ts'
import { observable } from './observable.ts'

/** A download of this tab. The browser writes it to disk and shows it too; here it can be told apart and stopped. */
export interface Download {
  readonly id: string
  readonly name: string
  /** null where it is not known before the end. */
  readonly size: number | null
  readonly takenBytes: number
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  /** What went wrong. */
  readonly failure: VaultFailure | null
  readonly rows: readonly Row[]
  readonly version: string | null
}

export const downloads = observable<readonly Download[]>([])

const running = new Map<string, RunningDownload>()
let tellFailure: (failure: VaultFailure) => void = () => undefined

/** Tells why downloads fail, from now on. */
export function watchFailures(tell: (failure: VaultFailure) => void): void {
  tellFailure = tell
}

const TELL_MS = 200

/** Starts a download; its progress shows in `downloads`. */
export async function startDownload(vault: Vault, rows: readonly Row[], version: string | null = null): Promise<void> {
  const id = crypto.randomUUID()
  let taken = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  const tell = (): void => {
    timer = null
    change(id, { takenBytes: taken })
  }
  const paths = rows.map((row) => row.path)
  const single = rows.length === 1 ? nameOf(paths[0] ?? '') : null
  const first = {
    id,
    name: single ?? '',
    size: null,
    takenBytes: 0,
    state: 'running',
    failure: null,
    rows,
    version,
  } as const
  const begun = await download(vault, paths, version, {
    onBytes(count) {
      taken += count
      timer ??= setTimeout(tell, TELL_MS)
    },
    onFailure(failure) {
      change(id, { failure })
      tellFailure(failure)
    },
    onEnd(state) {
      if (timer !== null) clearTimeout(timer)
      running.delete(id)
      change(id, { takenBytes: taken, state })
    },
  })
  running.set(id, begun)
  downloads.set([...downloads.get(), { ...first, name: begun.name, size: begun.size, takenBytes: taken }])
}

function change(id: string, to: Partial<Download>): void {
  downloads.set(downloads.get().map((one) => (one.id === id ? { ...one, ...to } : one)))
}

export function cancelDownload(id: string): void {
  running.get(id)?.cancel()
}

/** Begins one anew that is over, in its place. */
export async function retryDownload(vault: Vault, { id, state, rows, version }: Download): Promise<void> {
  change(id, { state: 'running', takenBytes: 0 })
  try {
    await startDownload(vault, rows, version)
  } catch (error) {
    change(id, { state })
    throw error
  }
  downloads.set(downloads.get().filter((one) => one.id !== id))
}

/** Takes those that are over off the list. */
export function clearDownloads(): void {
  downloads.set(downloads.get().filter(({ state }) => state === 'running'))
}

/** Stops all and forgets them: they belong to who was signed in. */
export function forgetDownloads(): void {
  for (const begun of [...running.values()]) begun.cancel()
  running.clear()
  downloads.set([])
}
