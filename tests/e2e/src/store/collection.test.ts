import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openS3Store } from '../../../../packages/server/src/adapters/blob/s3.ts'
import type { BlobStore, ServedObjectStore } from '../../../../packages/server/src/ports/index.ts'
import { sweep } from '../../../../packages/server/src/testing/collection.ts'
import { type TestBucket, useBucket } from '../../../dev-env/engines/bucket.ts'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { createWorld, type World } from '../collection/world.ts'

const MIB = 1024 * 1024

describe.skipIf(isLeftOut('ceph'))('collection in a bucket', () => {
  let bucket: TestBucket
  let store: ServedObjectStore & BlobStore
  let world: World

  beforeAll(async () => {
    bucket = await useBucket()
    Object.assign(process.env, bucket.env)
    const { endpoint, region } = bucket.ceph
    store = await openS3Store({ bucket: bucket.raw.name, prefix: 'p/', endpoint, region, forcePathStyle: true })
    world = await createWorld({ bucket: store })
  })
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
    await store?.close()
  })

  /** Days with a collection and a look through the store in each. */
  async function passDays(days: number): Promise<void> {
    for (let day = 0; day < days; day += 1) {
      await world.pass(1)
      await sweep(world.server)
    }
  }

  const objects = async () => new Set(await bucket.raw.keys('p/objects/'))

  it('removes uploads that nobody goes on with, objects that nobody needs, and nothing else', async () => {
    const [kept, removed] = [randomBytes(9 * MIB), randomBytes(9 * MIB)]
    await world.device.ok(['put', '-q', '-', '/kept'], { input: kept })
    const before = await objects()
    await world.device.ok(['put', '-q', '-', '/removed'], { input: removed })
    const added = [...(await objects())].filter((key) => !before.has(key))
    expect(added.length).toBeGreaterThan(0)
    await world.device.ok(['rm', '-q', '--permanent', '/removed'])

    // An upload of which two parts arrive, whose device is then gone.
    world.onTheWay = async (asked) =>
      asked === 'POST /v1/blobs/complete'
        ? { status: 500, body: { code: 'internal', message: '', requestId: 'x' } }
        : undefined
    expect((await world.device.run(['put', '-q', '-', '/lost'], { input: randomBytes(9 * MIB) })).code).toBe(7)
    world.onTheWay = async () => undefined
    // Two more that no row names: a server was killed before it wrote the row.
    for (const name of ['0123456789abcdef0123456789abcdef', 'not-a-blob'])
      await bucket.raw.beginUpload(`p/objects/${name}`)
    await bucket.raw.put('p/objects/fedcba9876543210fedcba9876543210', randomBytes(10))
    expect(await bucket.raw.uploads()).toHaveLength(3)

    await passDays(5)
    expect(await bucket.raw.uploads()).toHaveLength(3)
    for (const key of added) expect(await objects()).toContain(key)

    await passDays(20)
    expect(await bucket.raw.uploads()).toEqual(['p/objects/not-a-blob'])
    const after = await objects()
    for (const key of [...added, 'p/objects/fedcba9876543210fedcba9876543210']) expect(after).not.toContain(key)
    expect((await world.device.ok(['cat', '/kept'])).stdout.equals(kept)).toBe(true)
  })
})
