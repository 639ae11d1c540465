import type { TabWord } from '../service-worker/service-worker.ts'
import { serviceWorker } from './service-worker.ts'

// [Note: Drawings] An SVG is a program for whoever draws it: a kilobyte of it can keep a browser busy for hours, on the thread
// that the page itself needs. So one is shown as a picture, in which no script runs and nothing is loaded, within a page of
// its own that the service worker answers under a sandbox. That has an origin of its own, which Chromium gives a process
// of its own on desktops; its page can be closed whatever the drawing does.

const STYLE =
  'html,body{height:100%;margin:0}body{box-sizing:border-box;padding:24px}img{width:100%;height:100%;object-fit:scale-down;font:15px system-ui}'

/**
 * Gives a drawing an address that a frame can load once.
 *
 * @param damaged - shown instead of what cannot be drawn; plain text without markup
 * @returns null where this browser has no service workers
 */
export async function openDrawing(bytes: Uint8Array<ArrayBuffer>, damaged: string): Promise<string | null> {
  const worker = await serviceWorker()
  if (worker === null) return null
  const source = await dataUrl(new Blob([bytes], { type: 'image/svg+xml' }))
  const page = new Blob([`<!doctype html><style>${STYLE}</style><img src="${source}" alt="${damaged}">`])
  const id = crypto.randomUUID()
  const { port1, port2 } = new MessageChannel()
  const ready = new Promise<void>((done) => {
    port1.onmessage = () => done()
  })
  worker.postMessage({ type: 'drawing', id, page } satisfies TabWord, [port2])
  await ready
  port1.close()
  return `/drawing/${id}`
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader()
    // Reason for the cast: what was read as an address is one.
    reader.onload = () => done(reader.result as string)
    reader.onerror = () => failed(reader.error)
    reader.readAsDataURL(blob)
  })
}
