import * as Comlink from 'comlink'
import type { TabMemory } from '../worker/tab-store.ts'
import type { VaultApi, VaultFailure } from '../worker/vault-api.ts'
import type { VaultWorker } from '../worker/vault-worker.ts'
import { loadFailure } from './load.ts'
import { workerUrl } from './trusted.ts'

export type Vault = Comlink.Remote<VaultApi>

const TAB_KEY = 'strongroom'

// [Note: Tabs] A session lives as long as a tab of it does, reloads included, and nowhere else in the browser. A new tab
// asks the others of its origin; when one signs out, so do all.
type TabMessage =
  | { readonly type: 'who' }
  | { readonly type: 'session'; readonly text: string }
  | { readonly type: 'signed-out' }

const ANSWER_MS = 250
const channel = new BroadcastChannel(TAB_KEY)

function askOthers(): Promise<string | null> {
  return new Promise((done) => {
    const listen = ({ data }: MessageEvent<TabMessage>): void => {
      if (data.type === 'session') finish(data.text)
    }
    const finish = (text: string | null): void => {
      clearTimeout(timer)
      channel.removeEventListener('message', listen)
      done(text)
    }
    const timer = setTimeout(() => finish(null), ANSWER_MS)
    channel.addEventListener('message', listen)
    channel.postMessage({ type: 'who' } satisfies TabMessage)
  })
}

channel.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
  const text = sessionStorage.getItem(TAB_KEY)
  if (data.type === 'who' && text !== null) channel.postMessage({ type: 'session', text } satisfies TabMessage)
})

const tab: TabMemory = {
  async load() {
    const own = sessionStorage.getItem(TAB_KEY)
    if (own !== null) return own
    const other = await askOthers()
    if (other !== null) sessionStorage.setItem(TAB_KEY, other)
    return other
  },
  async save(text) {
    if (text !== null) sessionStorage.setItem(TAB_KEY, text)
    else forgetTab()
  },
}

/** Takes the session away from this tab and all others. */
export function forgetTab(): void {
  if (sessionStorage.getItem(TAB_KEY) === null) return
  sessionStorage.removeItem(TAB_KEY)
  channel.postMessage({ type: 'signed-out' } satisfies TabMessage)
}

/** Calls back once another tab has signed out; returns what ends that. */
export function onSignedOutElsewhere(callback: () => void): () => void {
  const listen = ({ data }: MessageEvent<TabMessage>): void => {
    if (data.type !== 'signed-out') return
    sessionStorage.removeItem(TAB_KEY)
    callback()
  }
  channel.addEventListener('message', listen)
  return () => channel.removeEventListener('message', listen)
}

/** Starts the worker that holds the keys. @throws VaultFailure `upgrade_required` or `network`: it does not load */
export async function connectVault(deviceName: string): Promise<Vault> {
  const worker = new Worker(workerUrl(), { type: 'module', name: 'vault' })
  const remote = Comlink.wrap<VaultWorker>(worker)
  const broken = new Promise<'broken'>((done) => {
    worker.addEventListener('error', () => done('broken'), { once: true })
  })
  const started = await Promise.race([remote.start(Comlink.proxy(tab), deviceName), broken])
  if (started === 'broken') throw await loadFailure()
  // Reason for the cast: a proxied object arrives as a remote one.
  return started as unknown as Vault
}

/** The failure behind whatever a call threw. */
export function asFailure(error: unknown): VaultFailure {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return { code: error.code, details: 'details' in error ? (error.details as VaultFailure['details']) : {} }
  }
  return { code: 'internal', details: {} }
}
