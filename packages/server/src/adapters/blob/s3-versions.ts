import { GetBucketLifecycleConfigurationCommand, GetBucketVersioningCommand } from '@aws-sdk/client-s3'
import { openBucket, type S3Options } from './s3-client.ts'
import { ifNotFound } from './s3-errors.ts'

/** What becomes of an object that is deleted: gone, kept as an older version for some days, or kept for ever. */
export type Deleted = 'gone' | 'kept for days' | 'kept'

/**
 * Whether a bucket keeps versions of what is deleted in it, and a lifecycle rule for its prefix removes them.
 *
 * @throws BlobStoreError, where the credentials may not ask too
 */
export async function whatBecomesOfDeleted(options: S3Options): Promise<Deleted> {
  const { client, name: Bucket, ask } = await openBucket(options)
  try {
    const versioning = await ask((request) => client.send(new GetBucketVersioningCommand({ Bucket }), request))
    if (versioning.Status !== 'Enabled') return 'gone'
    const lifecycle = await ask((request) =>
      client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), request),
    ).catch(ifNotFound(null))
    const ends = (lifecycle?.Rules ?? []).some(
      ({ Status, NoncurrentVersionExpiration, Filter, Prefix }) =>
        Status === 'Enabled' &&
        NoncurrentVersionExpiration !== undefined &&
        Filter?.And === undefined &&
        Filter?.Tag === undefined &&
        options.prefix.startsWith(Filter?.Prefix ?? Prefix ?? ''),
    )
    return ends ? 'kept for days' : 'kept'
  } finally {
    client.destroy()
  }
}
