import type { BrowserWorkers } from '@strongroom/client/browser'
import { scriptPolicy } from '../bridge/script-policy.ts'
import contentWorkerUrl from './content-worker.ts?worker&url'
import opaqueWorkerUrl from './opaque-worker.ts?worker&url'
import thumbnailWorkerUrl from './thumbnail-worker.ts?worker&url'

const policy = scriptPolicy([contentWorkerUrl, opaqueWorkerUrl, thumbnailWorkerUrl])

/** Workers of the vault's worker: two for content, as long as it lives, and one for each sign-in. */
export const innerWorkers: BrowserWorkers = {
  content: () => new Worker(policy.createScriptURL(contentWorkerUrl), { type: 'module', name: 'content' }),
  opaque: () => new Worker(policy.createScriptURL(opaqueWorkerUrl), { type: 'module', name: 'opaque' }),
}

/** The worker that makes pictures small. */
export function startThumbnailWorker(): Worker {
  return new Worker(policy.createScriptURL(thumbnailWorkerUrl), { type: 'module', name: 'thumbnails' })
}
