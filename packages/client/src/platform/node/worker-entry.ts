import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A bundled worker file beside the running main file, or null when the code runs from its sources. */
export function workerEntry(name: 'content-worker.js' | 'opaque-worker.js'): URL | null {
  const url = new URL(`./${name}`, import.meta.url)
  return url.protocol === 'file:' && existsSync(fileURLToPath(url)) ? url : null
}
