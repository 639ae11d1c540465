import type { OpaqueClient } from '../ports.ts'

/** OPAQUE in the calling thread, loaded at its first use: it is most of what a page would load, and commands seldom need it. */
export function loadedOpaque(): OpaqueClient {
  let loading: Promise<OpaqueClient> | null = null
  const load = (): Promise<OpaqueClient> => {
    loading ??= import('./opaque.ts').then(({ inlineOpaque }) => inlineOpaque())
    return loading
  }
  return {
    startRegistration: async (password) => (await load()).startRegistration(password),
    finishRegistration: async (input) => (await load()).finishRegistration(input),
    startLogin: async (password) => (await load()).startLogin(password),
    finishLogin: async (input) => (await load()).finishLogin(input),
    hasMemory: async (mebibytes) => (await load()).hasMemory(mebibytes),
    close: async () => {},
  }
}
