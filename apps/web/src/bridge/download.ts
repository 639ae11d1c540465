import * as Comlink from 'comlink'
import type { StreamAnnouncement, TabWord } from '../service-worker/service-worker.ts'
import type { VaultFailure } from '../worker/vault-api.ts'
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
  const toVault = new MessageChannel()
  const toStream = new MessageChannel()
  const request = { paths, version, port: toVault.port2 }
  const { name, size } = await vault.download(Comlink.transfer(request, [toVault.port2]))
  const id = crypto.randomUUID()
  const alive = setInterval(() => worker.postMessage({ type: 'alive' } satisfies TabWord), ALIVE_MS)
  let ended = false
  const end = (outcome: 'done' | 'failed' | 'cancelled'): void => {
    clearInterval(alive)
    if (ended) return
    ended = true
    watch.onEnd(outcome)
  }
  toStream.port1.onmessage = ({ data }: MessageEvent<'ready' | 'pull' | 'cancel'>) => {
    if (data === 'ready') openFrame(`/stream/${id}`)
    else toVault.port1.postMessage(data)
    if (data === 'cancel') end('cancelled')
  }
  toVault.port1.onmessage = ({ data }: MessageEvent<Uint8Array<ArrayBuffer> | null | VaultFailure>) => {
    if (ended) return
    if (data instanceof Uint8Array) {
      watch.onBytes(data.length)
      toStream.port1.postMessage(data, [data.buffer])
      return
    }
    toStream.port1.postMessage(data === null ? null : 'failed')
    if (data !== null) watch.onFailure(data)
    end(data === null ? 'done' : 'failed')
  }
  const announcement: StreamAnnouncement = { type: 'stream', id, name, size }
  worker.postMessage(announcement, [toStream.port2])
  return {
    name,
    size,
    cancel() {
      toVault.port1.postMessage('cancel')
      toStream.port1.postMessage('failed')
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
