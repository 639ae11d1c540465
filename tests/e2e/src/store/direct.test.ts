import { randomBytes } from 'node:crypto'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isLeftOut } from '../../../dev-env/engines/install.ts'
import type { Fault, Seen } from '../../../dev-env/engines/store-proxy.ts'
import { expectFailure } from '../cli/device.ts'
import { hashOf } from '../journeys/files.ts'
import { type StoreWorld, storeWorld } from './world.ts'

const MIB = 1024 * 1024
/** Bytes that pass the server at most, each way, for a put and a get of any size. */
const SERVER_TRAFFIC = MIB
const LARGE = process.env.STRONGROOM_SOAK === '1' ? 1024 * MIB : 64 * MIB

async function writeRandom(file: string, length: number): Promise<void> {
  const handle = await open(file, 'w')
  for (let left = length; left > 0; left -= 8 * MIB) await handle.write(randomBytes(Math.min(left, 8 * MIB)))
  await handle.close()
}

const isPut = ({ method, path }: Seen) => method === 'PUT' && path.includes('/objects/')
const isGet = ({ method, path }: Seen) => method === 'GET' && path.includes('/objects/')

describe.skipIf(isLeftOut('ceph'))('file bytes between client and bucket', () => {
  let world: StoreWorld
  beforeAll(async () => {
    world = await storeWorld()
  })
  afterAll(() => world?.close())
  beforeEach(() => world.store.relax())

  const run = (...parameters: string[]) => world.device.run(parameters, { cwd: world.folder })
  const ok = (...parameters: string[]) => world.device.ok(parameters, { cwd: world.folder })
  const local = (name: string) => join(world.folder, name)

  /** The fault meets the first `times` requests that match. */
  function breakFirst(fault: Fault, matches: (seen: Seen) => boolean, times = 1): () => number {
    let met = 0
    world.store.intercept((seen) => {
      if (met >= times || !matches(seen)) return null
      met += 1
      return fault
    })
    return () => met
  }

  it('pass no server, and carry nothing that opens one', async () => {
    await writeRandom(local('large'), LARGE)
    const before = { ...world.meter.bytes }
    const [firstSeen, up, down] = [world.store.seen.length, world.store.bytes.up, world.store.bytes.down]
    await ok('put', '-q', 'large', '/large')
    await ok('get', '-q', '/large', 'back')
    expect(await hashOf(local('back'))).toBe(await hashOf(local('large')))
    const passed = {
      toServer: world.meter.bytes.toServer - before.toServer,
      fromServer: world.meter.bytes.fromServer - before.fromServer,
    }
    process.stdout.write(`the server's own traffic for ${LARGE / MIB} MiB up and down: ${JSON.stringify(passed)}\n`)
    expect(passed.toServer).toBeLessThan(SERVER_TRAFFIC)
    expect(passed.fromServer).toBeLessThan(SERVER_TRAFFIC)
    expect(world.store.bytes.up - up).toBeGreaterThanOrEqual(LARGE)
    expect(world.store.bytes.down - down).toBeGreaterThanOrEqual(LARGE)
    const transfers = world.store.seen.slice(firstSeen).filter(({ path }) => path.includes('X-Amz-Signature'))
    expect(transfers.length).toBeGreaterThan((2 * LARGE) / (8 * MIB))
    for (const { headers } of transfers) {
      expect(headers).not.toHaveProperty('authorization')
      expect(headers).not.toHaveProperty('cookie')
      expect(headers).not.toHaveProperty('referer')
      expect(
        Object.keys(headers)
          .filter((name) => name.startsWith('x-'))
          .sort(),
      ).toSatisfy((names: string[]) =>
        names.every((name) => ['x-amz-checksum-sha256', 'x-amz-content-sha256'].includes(name)),
      )
    }
  })

  it.each([
    ['empty', 0],
    ['small', 3_000],
    ['one-part', 5 * MIB],
    ['two-parts', 9 * MIB],
  ])('come back as they went: %s', async (name, length) => {
    await writeRandom(local(name), length)
    await ok('put', '-q', name, `/${name}`)
    expect((await ok('cat', `/${name}`)).stdout.equals(await readFile(local(name)))).toBe(true)
  })

  it('come back in ranges and versions, from standard input too', async () => {
    const [first, second] = [randomBytes(9 * MIB), randomBytes(20_000)]
    await world.device.ok(['put', '-q', '-', '/stream'], { input: first })
    expect((await ok('cat', '/stream')).stdout.equals(first)).toBe(true)
    await world.device.ok(['put', '-q', '-', '/stream'], { input: second })
    expect((await ok('cat', '/stream')).stdout.equals(second)).toBe(true)
    await ok('cp', '/stream', '/copy')
    await ok('rm', '/stream')
    expect((await ok('cat', '/copy')).stdout.equals(second)).toBe(true)
  })

  const [single, several] = [5_000_000, 9 * MIB]
  it.each<[string, Fault, (seen: Seen) => boolean, number[]]>([
    ['a part is answered 503', { kind: 'status', status: 503, code: 'SlowDown' }, isPut, [several]],
    ['a part is answered 500', { kind: 'status', status: 500, code: 'InternalError' }, isPut, [single]],
    ['an address is refused', { kind: 'status', status: 403, code: 'AccessDenied' }, isPut, [several]],
    ['a part meets a broken connection', { kind: 'reset' }, isPut, [single]],
    ['the answer to a part gets lost', { kind: 'lost' }, isPut, [single, several]],
    ['a part was changed on its way', { kind: 'status', status: 400, code: 'BadDigest' }, isPut, [several]],
    ['an object is answered 503', { kind: 'status', status: 503, code: 'SlowDown' }, isGet, [several]],
    ['an address of an object is refused', { kind: 'status', status: 403, code: 'AccessDenied' }, isGet, [single]],
    ['an object meets a broken connection', { kind: 'reset' }, isGet, [several]],
    ['half an object comes', { kind: 'half' }, isGet, [several]],
  ])('arrive although %s', async (name, fault, matches, lengths) => {
    for (const length of lengths) {
      const file = `${name.replaceAll(' ', '-')}-${length}`
      await writeRandom(local(file), length)
      const met = breakFirst(fault, matches, 2)
      await ok('put', '-q', file, `/${file}`)
      await ok('get', '-q', `/${file}`, `${file}-back`)
      expect(met()).toBe(2)
      expect(await hashOf(local(`${file}-back`))).toBe(await hashOf(local(file)))
    }
  })

  it('end with exit code 7 where the store stays away, and go on when it is back', async () => {
    await writeRandom(local('away'), 9 * MIB)
    world.store.intercept((seen) => (isPut(seen) || isGet(seen) ? { kind: 'status', status: 503 } : null))
    expectFailure(await run('put', '-q', 'away', '/away'), 7, /store is not available/)
    world.store.relax()
    await ok('put', '-q', 'away', '/away')
    world.store.intercept((seen) => (isGet(seen) ? { kind: 'reset' } : null))
    expect((await run('get', '-q', '/away', 'away-back')).code).toBe(7)
    world.store.relax()
    await ok('get', '-q', '/away', 'away-back')
    expect(await hashOf(local('away-back'))).toBe(await hashOf(local('away')))
  })

  it('end with exit code 8 where the store is full', async () => {
    await writeRandom(local('full'), 9 * MIB)
    breakFirst({ kind: 'status', status: 403, code: 'QuotaExceeded' }, isPut, 100)
    expectFailure(await run('put', '-q', 'full', '/full'), 8, /no room left/)
    expect((await run('ls', '/full')).code).toBe(3)
  })

  it('are refused with exit code 5 when a store gives out other bytes, another object, an old one or none', async () => {
    const [one, two] = [randomBytes(9 * MIB), randomBytes(9 * MIB)]
    const keys = async () => new Set(await world.bucket.raw.keys('p/objects/'))
    const put = async (path: string, bytes: Buffer): Promise<string> => {
      const before = await keys()
      await writeFile(local('source'), bytes)
      await ok('put', '-q', 'source', path)
      // Checkpoints are objects too; what is as long as the file is the file.
      const added = [...(await keys())].filter((key) => !before.has(key))
      const found = await Promise.all(
        added.map(async (key) => ({ key, length: (await world.bucket.raw.get(key)).length })),
      )
      return found.find(({ length }) => length >= bytes.length)?.key ?? ''
    }
    const [first, second] = [await put('/victim', one), await put('/other', two)]
    const original = await world.bucket.raw.get(first)
    const changed = Buffer.from(original)
    changed[changed.length - 20_000] = (changed[changed.length - 20_000] ?? 0) ^ 1
    const versions: [string, Buffer | null][] = [
      ['other bytes', changed],
      ['another object', await world.bucket.raw.get(second)],
      ['a cut one', original.subarray(0, original.length - 262_144)],
      ['a longer one', Buffer.concat([original, original.subarray(0, 262_144)])],
      ['none', null],
    ]
    for (const [name, bytes] of versions) {
      if (bytes === null) await world.bucket.raw.delete(first)
      else await world.bucket.raw.put(first, bytes)
      const result = await run('get', '-q', '/victim', 'stolen')
      expect(result.code, name).toBe(5)
      await expect(readFile(local('stolen')), name).rejects.toThrow()
    }
    await world.bucket.raw.put(first, original)
    await ok('get', '-q', '/victim', 'stolen')
    // An old object in the place of the newer version's.
    const newer = await put('/victim', randomBytes(9 * MIB))
    await world.bucket.raw.put(newer, original)
    expect((await run('get', '-q', '/victim', 'older')).code).toBe(5)
  })

  it('are refused with exit code 5 when a byte is changed on the way', async () => {
    await writeRandom(local('flipped'), 3_000_000)
    await ok('put', '-q', 'flipped', '/flipped')
    breakFirst({ kind: 'flip' }, isGet)
    expect((await run('get', '-q', '/flipped', 'flipped-back')).code).toBe(5)
  })

  it('are sent where the record of the server says, and nowhere else', async () => {
    await writeRandom(local('moved'), 9 * MIB)
    const asked = world.store.seen.length
    breakFirst(
      { kind: 'answer', status: 307, headers: { location: `${world.bucket.ceph.endpoint}/` }, body: Buffer.alloc(0) },
      isPut,
      100,
    )
    expect((await run('put', '-q', 'moved', '/moved')).code).toBe(5)
    expect(world.store.seen.length - asked).toBeLessThan(20)
  })
})
