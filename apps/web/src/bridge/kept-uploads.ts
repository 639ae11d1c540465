import type { KeptUpload, TabWord } from '../service-worker/service-worker.ts'

/** Longer than any pause in which a browser ends an idle service worker. */
const ALIVE_MS = 10_000
const ANSWER_MS = 2_000

function tell(word: TabWord, transfer: Transferable[] = []): boolean {
  const worker = navigator.serviceWorker?.controller ?? null
  worker?.postMessage(word, transfer)
  return worker !== null
}

/** Hands uploads to the service worker, which outlives a reload. */
export function keepUploads(uploads: readonly KeptUpload[]): void {
  tell({ type: 'keep', uploads })
}

export function dropUploads(ids: readonly string[]): void {
  if (ids.length > 0) tell({ type: 'drop', ids })
}

/** What an earlier life of this tab, or another tab, has not finished for an account. */
export async function keptUploads(accountId: string): Promise<readonly KeptUpload[]> {
  const { port1, port2 } = new MessageChannel()
  if (!tell({ type: 'kept' }, [port2])) return []
  return await new Promise((done) => {
    const timer = setTimeout(() => done([]), ANSWER_MS)
    port1.onmessage = ({ data }: MessageEvent<readonly KeptUpload[]>) => {
      clearTimeout(timer)
      done(data.filter((upload) => upload.accountId === accountId))
    }
  })
}

/** Keeps the service worker awake as long as `wanted` says so; returns what ends that. */
export function stayAwake(wanted: () => boolean): () => void {
  const timer = setInterval(() => {
    if (wanted()) tell({ type: 'alive' })
  }, ALIVE_MS)
  return () => clearInterval(timer)
}
