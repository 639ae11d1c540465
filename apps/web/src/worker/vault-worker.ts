import * as Comlink from 'comlink'
import { withFailures } from './failures.ts'
import { createService } from './service.ts'
import type { TabMemory } from './tab-store.ts'
import type { VaultApi } from './vault-api.ts'

/** What the tab's worker offers before it knows its tab. */
export interface VaultWorker {
  start(tab: TabMemory, deviceName: string): Promise<VaultApi & Comlink.ProxyMarked>
}

const worker: VaultWorker = {
  async start(tab, deviceName) {
    return Comlink.proxy(withFailures(createService({ server: self.location.origin, deviceName, tab })))
  },
}
Comlink.expose(worker)
