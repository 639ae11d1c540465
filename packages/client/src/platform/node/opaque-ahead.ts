import type { Worker } from 'node:worker_threads'
import { startAhead } from './thread.ts'
import { workerEntry } from './worker-entry.ts'

/**
 * For a program that is about to prove a password: starts the thread of OPAQUE while the rest of the program is loaded, so
 * that who calls the SDK later finds it ready. Does nothing where the code runs from its sources.
 *
 * @param started - of `opaque-worker.js`, with `workerData` `'ahead'`, where the program has begun with that itself
 */
export function startOpaqueAhead(started?: Worker): void {
  const entry = workerEntry('opaque-worker.js')
  if (entry !== null) startAhead(entry, started)
}
