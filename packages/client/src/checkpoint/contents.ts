import type { CryptoEngine, VaultId } from '@strongroom/crypto'
import { type FetchContext, fetchSlices } from '../download/fetch-parts.ts'
import { type OpenBlob, type OpenContext, openBlobs, urlRenewal } from '../download/open.ts'
import { sliceRange } from '../download/range.ts'
import type { Clock, ContentCipher } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { rateLimiter } from '../transport/rate.ts'
import type { StoreAccess } from '../transport/store.ts'
import type { ContentReader } from './read.ts'

/** Parts in flight. */
const JOBS = 4

export interface ContentReading {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly random: () => number
  readonly api: Api
  readonly access: StoreAccess
  readonly content: ContentCipher
  readonly vaultId: VaultId
}

/** Reads whole contents into memory, verified against their records like any download. */
export function contentReader(reading: ContentReading): ContentReader {
  return async (records, unwrap, signal) => {
    const open: OpenContext = { ...reading, unwrap }
    const context: FetchContext = {
      ...reading,
      async renew(blob, again) {
        const [fresh] = await openBlobs(open, [blob.record], again)
        if (fresh === undefined) throw new Error('each record has its blob')
        fresh.dek.dispose()
        blob.url = fresh.url
        blob.renewAtMs = urlRenewal(reading.clock)
      },
    }
    const blobs = await openBlobs(open, records, signal)
    try {
      const contents: Uint8Array[] = []
      for (const blob of blobs) contents.push(await readWhole(context, blob, signal))
      return contents
    } finally {
      for (const { dek } of blobs) dek.dispose()
    }
  }
}

async function readWhole(context: FetchContext, blob: OpenBlob, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const bytes = new Uint8Array(blob.layout.size)
  const limiter = rateLimiter(undefined, context.clock)
  let offset = 0
  for await (const part of fetchSlices(context, blob, sliceRange(blob.layout, 0, undefined), {
    jobs: JOBS,
    limiter,
    signal,
  })) {
    bytes.set(part.bytes, offset)
    offset += part.bytes.length
    part.release()
  }
  return bytes
}
