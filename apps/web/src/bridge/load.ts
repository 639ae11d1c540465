import type { VaultFailure } from '../worker/vault-api.ts'

// [Note: Parts of another build] The addresses of scripts change with their content, and a server has those of one build.
// A page that was opened before a deploy asks for parts that are gone; it must say so, and a reload mends it.

/** Why a part of the app did not load: the server is away, or has the parts of another build. */
export async function loadFailure(): Promise<VaultFailure> {
  const isServed = await fetch('/healthz', { cache: 'no-store', credentials: 'omit' }).then(
    ({ ok }) => ok,
    () => false,
  )
  return { code: isServed ? 'upgrade_required' : 'network', details: {} }
}

/** Loads a part of the app. @throws VaultFailure `upgrade_required` or `network` */
export async function loadPart<Part>(load: () => Promise<Part>): Promise<Part> {
  try {
    return await load()
  } catch {
    throw await loadFailure()
  }
}

/** Loads the page anew, unless the server is away: a browser's own error page would not come back by itself. */
export async function reloadOnceServed(): Promise<void> {
  if ((await loadFailure()).code !== 'network') location.reload()
}
