import * as Comlink from 'comlink'
import type { TabMemory } from '../worker/tab-store.ts'
import type { VaultApi, VaultFailure } from '../worker/vault-api.ts'
import type { VaultWorker } from '../worker/vault-worker.ts'
import { workerUrl } from './trusted.ts'

export type Vault = Comlink.Remote<VaultApi>

const TAB_KEY = 'strongroom'

/** The session of this tab: it lives as long as the tab does, reloads included. */
const tab: TabMemory = {
  load: async () => sessionStorage.getItem(TAB_KEY),
  async save(text) {
    if (text === null) sessionStorage.removeItem(TAB_KEY)
    else sessionStorage.setItem(TAB_KEY, text)
  },
}

/** Starts the worker that holds the keys. */
export async function connectVault(deviceName: string): Promise<Vault> {
  const worker = new Worker(workerUrl(), { type: 'module', name: 'vault' })
  const remote = Comlink.wrap<VaultWorker>(worker)
  // Reason for the cast: a proxied object arrives as a remote one.
  return (await remote.start(Comlink.proxy(tab), deviceName)) as unknown as Vault
}

/** The failure behind whatever a call threw. */
export function asFailure(error: unknown): VaultFailure {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return { code: error.code, details: 'details' in error ? (error.details as VaultFailure['details']) : {} }
  }
  return { code: 'internal', details: {} }
}
