import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type TestBucket, useBucket } from '../../../dev-env/engines/bucket.ts'
import { type CephGateway, startGateway } from '../../../dev-env/engines/ceph-gateway.ts'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { type StoreProxy, startStoreProxy } from '../../../dev-env/engines/store-proxy.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'

const MIB = 1024 * 1024

describe.skipIf(isLeftOut('ceph'))('a store that is killed', () => {
  let folder: string
  let bucket: TestBucket
  let gateway: CephGateway
  let proxy: StoreProxy
  let server: DevServer
  let device: CliDevice

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-killed-'))
    bucket = await useBucket()
    gateway = await startGateway()
    proxy = await startStoreProxy(gateway.endpoint)
    server = await startDevServer({ env: { BLOB_URL: bucket.url({ endpoint: proxy.url }), ...bucket.env } })
    device = await CliDevice.create(server.url)
    await device.register('ann@example.org')
  })
  afterAll(async () => {
    await device?.[Symbol.asyncDispose]()
    await server?.stop()
    await proxy?.[Symbol.asyncDispose]()
    await gateway?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  /** Kills the gateway in the middle of the next transfer, and starts it again at once. */
  function killDuring(method: string): () => Promise<void> {
    let met = 0
    let killed: Promise<void> = Promise.resolve()
    proxy.intercept((seen) => {
      if (seen.method !== method || !seen.path.includes('X-Amz-Signature')) return null
      met += 1
      if (met === 3) killed = gateway.kill9().then(() => gateway.restart())
      return null
    })
    return async () => {
      await killed
      expect(met).toBeGreaterThanOrEqual(3)
      proxy.relax()
    }
  }

  it('in the middle of put and get costs repetitions, and no byte', async () => {
    const bytes = randomBytes(40 * MIB)
    await writeFile(join(folder, 'file'), bytes)
    const putDone = killDuring('PUT')
    const put = await device.run(['put', '-q', join(folder, 'file'), '/file'])
    await putDone()
    // A store that stays away for longer than a client waits ends the command; a repetition goes on.
    if (put.code !== 0) {
      expect(put.code).toBe(7)
      await device.ok(['put', '-q', join(folder, 'file'), '/file'])
    }
    const getDone = killDuring('GET')
    const get = await device.run(['get', '-q', '/file', join(folder, 'back')])
    await getDone()
    if (get.code !== 0) {
      expect(get.code).toBe(7)
      await device.ok(['get', '-q', '/file', join(folder, 'back')])
    }
    expect((await readFile(join(folder, 'back'))).equals(bytes)).toBe(true)
  })

  it('makes the server say that it is not ready, and ready again when the store is back', async () => {
    const ready = async () => (await fetch(`${server.url}/readyz`)).status
    expect(await ready()).toBe(200)
    await gateway.kill9()
    await expect.poll(ready, { timeout: 30_000 }).toBe(503)
    // What needs no bytes goes on.
    await device.ok(['mkdir', '/while-the-store-is-away'])
    await gateway.restart()
    await expect.poll(ready, { timeout: 30_000 }).toBe(200)
  })
})
