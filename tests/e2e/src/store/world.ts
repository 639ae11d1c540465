import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type TestBucket, useBucket } from '../../../dev-env/engines/bucket.ts'
import { type StoreProxy, startStoreProxy } from '../../../dev-env/engines/store-proxy.ts'
import { startTrafficMeter, type TrafficMeter } from '../../../dev-env/engines/traffic.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'

/** A server whose blobs lie in a bucket of Ceph, both behind proxies that count and break, and a device. */
export interface StoreWorld {
  readonly bucket: TestBucket
  /** Between everybody and the bucket. */
  readonly store: StoreProxy
  /** Between the device and the server. */
  readonly meter: TrafficMeter
  readonly server: DevServer
  readonly device: CliDevice
  /** Local scratch folder. */
  readonly folder: string
  close(): Promise<void>
}

export async function storeWorld(env: Readonly<Record<string, string>> = {}): Promise<StoreWorld> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  try {
    const bucket = await useBucket()
    const store = await startStoreProxy(bucket.ceph.endpoint)
    closers.push(async () => store[Symbol.asyncDispose]())
    const server = await startDevServer({
      env: { BLOB_URL: bucket.url({ prefix: 'p', endpoint: store.url }), ...bucket.env, ...env },
    })
    closers.push(() => server.stop())
    const meter = await startTrafficMeter(() => server.url)
    closers.push(async () => meter[Symbol.asyncDispose]())
    const device = await CliDevice.create(meter.url)
    closers.push(async () => device[Symbol.asyncDispose]())
    await device.register('ann@example.org')
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-store-'))
    closers.push(() => rm(folder, { recursive: true, force: true }))
    return { bucket, store, meter, server, device, folder, close }
  } catch (error) {
    await close()
    throw error
  }
}
