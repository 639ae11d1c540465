import type { TabWord } from '../service-worker/service-worker.ts'
import { serviceWorkerUrl } from './trusted.ts'

// [Note: Uncontrolled pages] A page is without its service worker after a reload that goes past caches, after somebody took
// its site data away, and when the worker claimed its pages while this one was still being fetched. No later event mends
// that; the worker is registered and asked to claim its pages once more.

/** How long a worker may take to install, or to claim a page. */
const CLAIM_MS = 5_000

/** The service worker of this page, installed if need be; null where the browser, or a private window of it, has none. */
export async function serviceWorker(): Promise<ServiceWorker | null> {
  // Reason: private windows of some browsers have no service workers at all.
  if (!('serviceWorker' in navigator)) return null
  const workers = navigator.serviceWorker
  if (workers.controller !== null) return workers.controller
  return await new Promise((done) => {
    const finish = (): void => {
      clearTimeout(timer)
      workers.removeEventListener('controllerchange', finish)
      done(workers.controller)
    }
    const timer = setTimeout(finish, CLAIM_MS)
    workers.addEventListener('controllerchange', finish)
    askToClaim(workers).catch(finish)
  })
}

async function askToClaim(workers: ServiceWorkerContainer): Promise<void> {
  await workers.register(serviceWorkerUrl(), { type: 'module' })
  const { active } = await workers.ready
  active?.postMessage({ type: 'claim' } satisfies TabWord)
}
