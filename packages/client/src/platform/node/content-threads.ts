import type { CryptoEngine } from '@strongroom/crypto'
import { inlineCipher } from '../../content/inline.ts'
import type { ContentCipher } from '../../ports.ts'
import { remoteCipher } from '../../workers/remote-cipher.ts'
import { startThread } from './thread.ts'

/** Content encryption in worker threads for large local files, inline for all else, or where `entry` is null. */
export function contentThreads(engine: CryptoEngine, entry: URL | null): ContentCipher {
  return entry === null ? inlineCipher(engine) : remoteCipher(engine, startThread(entry), { shared: true })
}
