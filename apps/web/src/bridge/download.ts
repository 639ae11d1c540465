import * as Comlink from 'comlink'
import type { StreamAnnouncement, TabWord } from '../service-worker/service-worker.ts'
import type { DownloadWord, VaultFailure } from '../worker/vault-api.ts'
import type { Vault } from './connect.ts'
import { serviceWorker } from './service-worker.ts'

/** Longer than any pause in which a browser ends an idle service worker. */
const ALIVE_MS = 10_000

/** What becomes of a download. */
export interface DownloadWatch {
  /** Bytes that the browser has taken since the last call. */
  onBytes(count: number): void
  onEnd(outcome: 'done' | 'failed' | 'cancelled'): void
  /** Before the end of one that failed. */
  onFailure(failure: VaultFailure): void
}

export interface RunningDownload {
  readonly name: string
  /** null where it is not known before the end. */
  readonly size: number | null
  cancel(): void
}

/** Begins a download to the browser's folder for downloads: one file as it is, anything else as a zip. */
export async function download(
  vault: Vault,
  paths: readonly string[],
  version: string | null,
  watch: DownloadWatch,
): Promise<RunningDownload> {
  const worker = await serviceWorker()
  if (worker === null) throw { code: 'downloads_unavailable', details: {} }
  // Bytes go from the vault's worker to the service worker by a port of their own, not through this thread.
  const bytes = new MessageChannel()
  const words = new MessageChannel()
  const request = { paths, version, port: bytes.port1, tab: words.port1 }
  const id = crypto.randomUUID()
  let ended = false
  const end = (outcome: 'done' | 'failed' | 'cancelled'): void => {
    clearInterval(alive)
    if (ended) return
    ended = true
    watch.onEnd(outcome)
  }
  words.port2.onmessage = ({ data }: MessageEvent<DownloadWord>) => {
    if (ended) return
    if (data === 'ready') openFrame(`/stream/${id}`)
    else if (typeof data === 'number') watch.onBytes(data)
    else if (typeof data === 'object') watch.onFailure(data)
    else end(data)
  }
  const { name, size } = await vault.download(Comlink.transfer(request, [bytes.port1, words.port1]))
  const alive = setInterval(() => worker.postMessage({ type: 'alive' } satisfies TabWord), ALIVE_MS)
  const announcement: StreamAnnouncement = { type: 'stream', id, name, size }
  worker.postMessage(announcement, [bytes.port2])
  return {
    name,
    size,
    cancel() {
      words.port2.postMessage('cancel')
      end('cancelled')
    },
  }
}

function openFrame(url: string): void {
  const frame = document.createElement('iframe')
  frame.hidden = true
  frame.src = url
  frame.title = ''
  document.body.append(frame)
  setTimeout(() => frame.remove(), 60_000)
}
