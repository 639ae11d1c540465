import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `npm run bench -- --peers` puts peers that come from npm. */
export const CACHE = fileURLToPath(new URL('../../node_modules/.cache/strongroom-bench/', import.meta.url))

/** Peers that come from npm, and their versions. */
export const MODULES = { 'age-encryption': '0.3.1', '@aws-crypto/client-node': '5.0.2' } as const

/** A file of a peer from npm; null where that is not installed. */
export function peerModule(name: keyof typeof MODULES, file: string): string | null {
  const path = join(CACHE, 'node_modules', name, file)
  return existsSync(path) ? path : null
}

/** Which version of a peer from npm is installed; null where none is. */
export function moduleVersion(name: string): string | null {
  try {
    const text = readFileSync(join(CACHE, 'node_modules', name, 'package.json'), 'utf8')
    // What npm has written.
    return (JSON.parse(text) as { version: string }).version
  } catch {
    return null
  }
}
