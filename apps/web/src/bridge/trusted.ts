import vaultWorkerUrl from '../worker/vault-worker.ts?worker&url'
import { scriptPolicy } from './script-policy.ts'

const SERVICE_WORKER = '/service-worker.js'

const policy = scriptPolicy([vaultWorkerUrl, SERVICE_WORKER])

export const workerUrl = (): string => policy.createScriptURL(vaultWorkerUrl)
export const serviceWorkerUrl = (): string => policy.createScriptURL(SERVICE_WORKER)
