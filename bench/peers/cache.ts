import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `npm run bench -- --peers` puts peers that come from npm. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/strongroom-bench/', import.meta.url))

/** A file of a peer from npm; null where that is not installed. */
export function peerModule(name: string, file: string): string | null {
  const path = join(FOLDER, 'node_modules', name, file)
  return existsSync(path) ? path : null
}
