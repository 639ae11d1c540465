import type { KeptUpload, TabWord } from '../service-worker/service-worker.ts'

/** Longer than any pause in which a browser ends an idle service worker. */
const ALIVE_MS = 10_000
const ANSWER_MS = 2_000
/** How long a page that reloads has the first say. */
const RELOAD_MS = 10_000

// [Note: Lives] Uploads belong to the page that was given their files: no other sends them as long as it lives. Each life of a
// page holds a lock from its beginning; whoever gets that lock knows that the life is over, by a reload or a closed tab,
// and takes over what it has left with the service worker.
const LIFE = crypto.randomUUID()
const lockOf = (life: string): string => `strongroom-life-${life}`
void navigator.locks?.request(lockOf(LIFE), () => new Promise(() => undefined))

function tell(word: TabWord, transfer: Transferable[] = []): boolean {
  const worker = navigator.serviceWorker?.controller ?? null
  worker?.postMessage(word, transfer)
  return worker !== null
}

/** What the service worker answers; null for nothing in time. */
async function ask<T>(word: TabWord): Promise<T | null> {
  const { port1, port2 } = new MessageChannel()
  if (!tell(word, [port2])) return null
  return await new Promise((done) => {
    const timer = setTimeout(() => done(null), ANSWER_MS)
    port1.onmessage = ({ data }: MessageEvent<T>) => {
      clearTimeout(timer)
      done(data)
    }
  })
}

/** Hands uploads to the service worker, which outlives a reload. */
export function keepUploads(uploads: readonly Omit<KeptUpload, 'life'>[]): void {
  if (uploads.length > 0) tell({ type: 'keep', uploads: uploads.map((upload) => ({ ...upload, life: LIFE })) })
}

export function dropUploads(ids: readonly string[]): void {
  if (ids.length > 0) tell({ type: 'drop', ids })
}

/** What pages of an account have not finished. */
async function keptUploads(accountId: string): Promise<readonly KeptUpload[]> {
  const kept = (await ask<readonly KeptUpload[]>({ type: 'kept' })) ?? []
  return kept.filter((upload) => upload.accountId === accountId)
}

/** Looks for uploads that other lives have left behind. */
export interface Adoption {
  look(): Promise<void>
  stop(): void
}

/** Hands on what earlier lives of this page, or tabs that were closed, have not finished; at each look, and later. */
export function adoptUploads(accountId: string, adopt: (uploads: readonly KeptUpload[]) => void): Adoption {
  const watched = new Set<string>()
  const stopping = new AbortController()
  const { signal } = stopping
  const takeOver = async (life: string): Promise<void> => {
    const left = (await keptUploads(accountId)).filter((upload) => upload.life === life)
    if (signal.aborted || left.length === 0) return
    keepUploads(left)
    adopt(left)
  }
  let isFirst = true
  const look = async (): Promise<void> => {
    // Who signs in again on the same page finds what was under way.
    if (isFirst) await takeOver(LIFE)
    isFirst = false
    const lives = new Set((await keptUploads(accountId)).map(({ life }) => life))
    for (const life of lives) {
      if (life === LIFE || watched.has(life) || signal.aborted) continue
      const isOver = await navigator.locks.request(lockOf(life), { ifAvailable: true }, async (lock) => {
        if (lock !== null) await takeOver(life)
        return lock !== null
      })
      if (isOver) continue
      watched.add(life)
      const ended = navigator.locks.request(lockOf(life), { signal }, () => undefined)
      const later = (): void => {
        watched.delete(life)
        setTimeout(() => void look(), RELOAD_MS)
      }
      ended.then(later).catch(() => undefined)
    }
  }
  return { look, stop: () => stopping.abort() }
}

/**
 * Keeps the service worker awake as long as `wanted` says so; returns what ends that.
 *
 * @param onReborn - called when it is another one nevertheless, which knows of nothing
 */
export function stayAwake(wanted: () => boolean, onReborn: () => void): () => void {
  let known: string | null = null
  const timer = setInterval(() => {
    if (!wanted()) return
    void ask<string>({ type: 'alive' }).then((life) => {
      if (life === null) return
      if (known !== null && known !== life) onReborn()
      known = life
    })
  }, ALIVE_MS)
  return () => clearInterval(timer)
}
