import { describe } from 'vitest'
import { openS3Store } from '../../../packages/server/src/adapters/blob/s3.ts'
import { useBucket } from '../../dev-env/engines/bucket.ts'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import { objectStoreContract } from './object-store-contract.ts'

describe.skipIf(isLeftOut('ceph'))('bucket', () => {
  objectStoreContract('a bucket of Ceph', async () => {
    const bucket = await useBucket()
    Object.assign(process.env, bucket.env)
    const options = {
      bucket: bucket.raw.name,
      prefix: 'some/prefix/',
      endpoint: bucket.ceph.endpoint,
      region: bucket.ceph.region,
      forcePathStyle: true,
    }
    const store = await openS3Store(options)
    return {
      store,
      reopen: () => openS3Store(options),
      dispose: () => store.close(),
      smallestPart: 5 * 1024 * 1024,
      keepsAttempts: false,
      keepsDigests: false,
    }
  })
})
