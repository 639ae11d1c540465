import * as Comlink from 'comlink'
import type { MediaFacts, MediaQuestion, MediaRange } from '../service-worker/media.ts'
import type { VaultFailure } from '../worker/vault-api.ts'
import { asFailure, type Vault } from './connect.ts'

/** A file that plays or shows in this tab. */
export interface Media extends MediaFacts {
  readonly path: string
  readonly version: string | null
  /** Told when reading fails. */
  readonly onFailure: (failure: VaultFailure) => void
}

const open = new Map<string, { readonly vault: Vault; readonly media: Media }>()

/** Gives a file an address that only this tab's elements can load from; `close` takes it away. */
export function openMedia(vault: Vault, media: Media): { url: string; close: () => void } {
  const id = crypto.randomUUID()
  open.set(id, { vault, media })
  listen()
  return { url: `/media/${id}`, close: () => open.delete(id) }
}

/** Whether a film or a sound plays in this tab. */
export function isPlaying(): boolean {
  return [...document.querySelectorAll('video, audio')].some((found) => !(found as HTMLMediaElement).paused)
}

let listening = false

function listen(): void {
  if (listening) return
  listening = true
  navigator.serviceWorker.addEventListener('message', ({ data, ports }: MessageEvent<MediaQuestion>) => {
    const port = ports[0]
    if (data.type !== 'media' || port === undefined) return
    const found = open.get(data.id)
    if (found === undefined) {
      port.postMessage(null)
      return
    }
    const { vault, media } = found
    port.onmessage = (event: MessageEvent<MediaRange | null>) => {
      if (event.data === null) return
      const { path, version } = media
      void vault
        .media(Comlink.transfer({ path, version, ...event.data, port }, [port]))
        .catch((error: unknown) => media.onFailure(asFailure(error)))
    }
    port.postMessage({ size: media.size, contentType: media.contentType } satisfies MediaFacts)
  })
  navigator.serviceWorker.startMessages()
}
