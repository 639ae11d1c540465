import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CliDevice } from '../../dev-env/cli.ts'
import { expectAll, hashOf, listed, MIB, openWorld, type World } from './harness/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** Method and path, ids left out. */
function routeOf({ method, path }: { method: string; path: string }): string {
  const plain = path.split('?')[0] ?? ''
  return `${method} ${plain.replace(/\/[A-Za-z0-9_-]{20,}(?=\/|$)/g, '/:id')}`
}

/** From here on the first answer of each route that was not met before is lost. */
function loseFirstAnswers(lost: Set<string>): void {
  world.proxy.plan({
    nth: 'every',
    at: 'answered',
    matches(request) {
      const name = routeOf(request)
      if (lost.has(name)) return false
      lost.add(name)
      return true
    },
  })
}

it('a lost answer of any route costs time and nothing else', async () => {
  const { device, folder } = world
  const large = await world.file('large', 1, 17 * MIB)
  await mkdir(join(folder, 'many/below'), { recursive: true })
  for (let index = 0; index < 20; index += 1) await writeFile(join(folder, `many/below/${index}`), `text ${index}`)
  const lost = new Set<string>()
  loseFirstAnswers(lost)
  await device.ok(['login', 'resilience@example.org'])
  await device.ok(['mkdir', '/folder'])
  await device.ok(['put', large, '/folder'])
  await device.ok(['put', '-r', join(folder, 'many'), '/folder'])
  await device.ok(['get', '/folder/large', join(folder, 'got')])
  expect(await hashOf(join(folder, 'got'))).toBe(await hashOf(large))
  await device.ok(['cp', '/folder/large', '/copy'])
  await device.ok(['mv', '/copy', '/moved'])
  await device.ok(['rm', '/folder/many/below/7'])
  await device.ok(['trash'])
  await device.ok(['whoami'])
  world.proxy.plan(null)
  for (const name of [
    'blobs',
    'blobs/parts',
    'blobs/complete',
    'blobs/open',
    'vaults/:id/commits',
    'login/start',
    'login/finish',
  ]) {
    expect([...lost]).toContain(`POST /v1/${name}`)
  }
  expect([...lost]).toEqual(
    expect.arrayContaining([
      'PUT /v1/store/parts',
      'GET /v1/store/objects',
      'GET /v1/vaults/:id/commits',
      'GET /v1/account',
    ]),
  )
  await using other = await CliDevice.create(world.proxy.url)
  await other.login('resilience@example.org')
  expect([...(await listed(world)).keys()].sort()).toEqual(['folder', 'moved'])
  expect([...(await listed(world, '/folder')).keys()].sort()).toEqual(['large', 'many'])
  expect((await listed(world, '/folder/many/below')).size).toBe(19)
  for (const path of ['/folder/large', '/moved', '/folder/many/below/3']) {
    expect(JSON.parse((await other.ok(['versions', '--json', path])).stdout.toString())).toHaveLength(1)
  }
  expect(await expectAll(world, new Map([['moved', await hashOf(large)]]))).toEqual([])
})

it('a login whose last answer is lost again and again is begun anew, and then given up', async () => {
  let finishes = 0
  const lose = (times: number) =>
    world.proxy.plan({
      nth: 'every',
      at: 'answered',
      matches: (request) => routeOf(request) === 'POST /v1/login/finish' && ++finishes <= times,
    })
  await using device = await CliDevice.create(world.proxy.url)
  lose(2)
  await device.login('resilience@example.org')
  expect(finishes).toBe(3)
  finishes = 0
  lose(100)
  expect((await device.run(['login', 'resilience@example.org'])).code).toBe(7)
  expect(finishes).toBe(6)
  world.proxy.plan(null)
  await device.login('resilience@example.org')
})
