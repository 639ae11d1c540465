import { startAhead } from './thread.ts'
import { workerEntry } from './worker-entry.ts'

/**
 * For a program that is about to prove a password: starts the thread of OPAQUE while the rest of the program is loaded, so
 * that who calls the SDK later finds it ready. Does nothing where the code runs from its sources.
 */
export function startOpaqueAhead(): void {
  const entry = workerEntry('opaque-worker.js')
  if (entry !== null) startAhead(entry)
}
