import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { VectorLoader } from './suite-case.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** Folder of the project's own vectors of this package. */
export const OWN_VECTORS = join(ROOT, 'spec', 'vectors', 'crypto')

const official = process.env.STRONGROOM_VECTORS ?? join(ROOT, '..', 'shared', 'vectors')

/** Whether the public test vectors are on this machine; they are not part of the project. */
export const hasOfficialVectors: boolean = existsSync(official)

/** Reads vectors from the file system. */
export const loadFromDisk: VectorLoader = async (source, path) => {
  const file = join(source === 'own' ? OWN_VECTORS : official, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
