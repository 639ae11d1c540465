import { referenceCount } from '@strongroom/vault'
import { type OpenBlob, openBlobs } from '../download/open.ts'
import { type DriveContext, openContext } from '../drive/context.ts'
import { apiCode } from '../transport/api.ts'
import type { KeyedContent } from './contents.ts'

export interface Opened {
  readonly content: KeyedContent
  readonly blob: OpenBlob
}

/**
 * Opens contents, leaving out those that the vault has given up meanwhile. The receiver disposes of the keys.
 *
 * @throws ClientError as `openBlobs`
 */
export async function openStill(
  context: DriveContext,
  contents: readonly KeyedContent[],
  signal: AbortSignal | undefined,
): Promise<Opened[]> {
  for (let wanted = contents; ; ) {
    const there = wanted.filter(({ record }) => referenceCount(context.log.state, record.blobId) > 0)
    try {
      const records = there.map(({ record }) => record)
      const blobs = await openBlobs(openContext(context), records, signal)
      return there.flatMap((content, index) => {
        const blob = blobs[index]
        return blob === undefined ? [] : [{ content, blob }]
      })
    } catch (error) {
      // Somebody has replaced or destroyed some of them: which, the log says.
      if (apiCode(error) !== 'not_found' || (await context.log.sync(signal)) === 0) throw error
      wanted = there
    }
  }
}
