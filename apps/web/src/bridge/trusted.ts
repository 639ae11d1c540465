import vaultWorkerUrl from '../worker/vault-worker.ts?worker&url'

interface ScriptUrls {
  createScriptURL(url: string): string
}

interface TrustedTypes {
  createPolicy(name: string, rules: ScriptUrls): ScriptUrls
}

// [Note: Trusted Types] The page may run only scripts that this policy lets through: its own two workers, by the
// addresses that the build gave them.
const SERVICE_WORKER = '/service-worker.js'
const ALLOWED = new Set([vaultWorkerUrl, SERVICE_WORKER])

const rules: ScriptUrls = {
  createScriptURL(url) {
    if (!ALLOWED.has(url)) throw new TypeError('this script is not part of the app')
    return url
  },
}
// Reason for the cast: the DOM types do not know Trusted Types, which some browsers lack.
const factory = (globalThis as unknown as { trustedTypes?: TrustedTypes }).trustedTypes
const policy = factory?.createPolicy('strongroom', rules) ?? rules

export const workerUrl = (): string => policy.createScriptURL(vaultWorkerUrl)
export const serviceWorkerUrl = (): string => policy.createScriptURL(SERVICE_WORKER)
