import type { BrowserWorkers } from '@strongroom/client/browser'
import { scriptPolicy } from '../bridge/script-policy.ts'
import contentWorkerUrl from './content-worker.ts?worker&url'
import opaqueWorkerUrl from './opaque-worker.ts?worker&url'
import thumbnailWorkerUrl from './thumbnail-worker.ts?worker&url'

const policy = scriptPolicy([contentWorkerUrl, opaqueWorkerUrl, thumbnailWorkerUrl])

let unloaded = false

/** Whether a worker's script could not be loaded: the server is away, or has the parts of another build. */
export const isPartMissing = (): boolean => unloaded

function start(url: string, name: string): Worker {
  const worker = new Worker(policy.createScriptURL(url), { type: 'module', name })
  // Reason: what a script throws is told by an ErrorEvent.
  worker.addEventListener('error', (event) => {
    unloaded ||= !(event instanceof ErrorEvent)
  })
  return worker
}

/** Workers of the vault's worker: two for content, as long as it lives, and one for each sign-in. */
export const innerWorkers: BrowserWorkers = {
  content: () => start(contentWorkerUrl, 'content'),
  opaque: () => start(opaqueWorkerUrl, 'opaque'),
}

/** The worker that makes pictures small. */
export function startThumbnailWorker(): Worker {
  return new Worker(policy.createScriptURL(thumbnailWorkerUrl), { type: 'module', name: 'thumbnails' })
}
