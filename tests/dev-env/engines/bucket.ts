import { randomBytes } from 'node:crypto'
import { createRawBucket, type RawBucket } from '../../../packages/server/src/testing/bucket.ts'
import { type Ceph, useCeph } from './ceph.ts'

/** A bucket of its own in Ceph. */
export interface TestBucket {
  readonly ceph: Ceph
  readonly raw: RawBucket
  /** `BLOB_URL` of it, at another endpoint than Ceph's own where one is given. */
  url(options?: { prefix?: string; endpoint?: string }): string
  /** What a process needs to use it. */
  readonly env: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string }
}

/** Makes a bucket; Ceph is started for it where it does not run. */
export async function useBucket(name = `test-${randomBytes(6).toString('hex')}`): Promise<TestBucket> {
  const ceph = await useCeph()
  const { accessKeyId, secretAccessKey, region, endpoint: own } = ceph
  const raw = await createRawBucket(ceph, name)
  return {
    ceph,
    raw,
    url: ({ prefix = '', endpoint = own } = {}) =>
      `s3://${name}/${prefix}?endpoint=${encodeURIComponent(endpoint)}&region=${region}&forcePathStyle=true`,
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  }
}
