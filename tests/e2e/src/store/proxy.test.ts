import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import { type StoreWorld, storeWorld } from './world.ts'

const MIB = 1024 * 1024

describe.skipIf(isLeftOut('ceph'))('file bytes through the server (BLOB_TRANSFER=proxy)', () => {
  let world: StoreWorld
  beforeAll(async () => {
    world = await storeWorld({ BLOB_TRANSFER: 'proxy' })
  })
  afterAll(() => world?.close())
  beforeEach(() => world.store.relax())

  const ok = (...parameters: string[]) => world.device.ok(parameters, { cwd: world.folder })

  async function journey(name: string, length: number): Promise<void> {
    const bytes = randomBytes(length)
    await writeFile(join(world.folder, name), bytes)
    await ok('put', '-q', name, `/${name}`)
    expect((await ok('cat', `/${name}`)).stdout.equals(bytes)).toBe(true)
  }

  it('arrive and come back, and the client is told of no other origin', async () => {
    for (const length of [0, 3_000, 5 * MIB, 20 * MIB]) await journey(`file-${length}`, length)
    const info = (await (await fetch(`${world.server.url}/v1/info`)).json()) as { storeOrigins: string[] }
    expect(info.storeOrigins).toEqual([])
    expect(world.store.seen.filter(({ path }) => path.includes('X-Amz-Signature'))).toEqual([])
    expect(world.meter.bytes.toServer).toBeGreaterThan(25 * MIB)
  })

  it('arrive although the store breaks off or its answer gets lost', async () => {
    let left = 2
    world.store.intercept(({ method, path }) => {
      if (method !== 'PUT' || !path.includes('objects/') || left === 0) return null
      left -= 1
      return left === 0 ? { kind: 'lost' } : { kind: 'reset' }
    })
    await journey('broken', 9 * MIB)
    left = 1
    await journey('broken-single', 5 * MIB)
  })

  it('are not handed out where the store has changed them', async () => {
    await journey('changed', 9 * MIB)
    world.store.intercept(({ method, path }) =>
      method === 'GET' && path.includes('objects/') ? { kind: 'flip' } : null,
    )
    expect((await world.device.run(['get', '-q', '/changed', 'stolen'], { cwd: world.folder })).code).toBe(5)
  })
})
