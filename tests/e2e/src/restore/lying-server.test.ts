import { randomBytes } from 'node:crypto'
import { encodeBytes } from '@strongroom/protocol'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectFailure } from '../cli/device.ts'
import { createWorld, type World } from '../collection/world.ts'

const HEAD = /^GET \/v1\/vaults\/[^/]+\/head$/
const RESTORE = /^POST \/v1\/vaults\/[^/]+\/restore$/

let world: World
beforeAll(async () => {
  world = await createWorld()
  for (const text of ['one', 'two', 'three']) await world.device.ok(['put', '-q', '-', `/${text}`], { input: text })
})
afterAll(() => world[Symbol.asyncDispose]())

/** Everything that the server keeps of the vault. */
async function kept(): Promise<unknown> {
  const { database } = world.server
  return await Promise.all([
    database.selectFrom('vaults').selectAll().execute(),
    database.selectFrom('commits').selectAll().orderBy('seq').execute(),
    database
      .selectFrom('blobs')
      .select(['id', 'state', 'length', 'digests', 'reference_count', 'charged_bytes'])
      .orderBy('id')
      .execute(),
    database.selectFrom('wraps').selectAll().orderBy('blob_id').execute(),
    database.selectFrom('keyrings').selectAll().execute(),
    database.selectFrom('accounts').select('used_bytes').execute(),
  ])
}

function lieAboutHead(seq: number, hash: Uint8Array): void {
  world.onTheWay = async (asked) =>
    HEAD.test(asked) ? { status: 200, body: { seq, hash: encodeBytes(hash) } } : undefined
}

it('a server that shows an older head gets what it had, and nothing changes', async () => {
  const before = await kept()
  const { database } = world.server
  const old = await database.selectFrom('commits').select('hash').where('seq', '=', 1).executeTakeFirstOrThrow()
  lieAboutHead(1, new Uint8Array(old.hash))
  expectFailure(await world.device.run(['restore-server']), 2, /--yes/)
  expect(world.asked.some((line) => RESTORE.test(line))).toBe(false)
  await world.device.ok(['restore-server', '--yes'])
  expect(world.asked.some((line) => RESTORE.test(line))).toBe(true)
  expect(await kept()).toEqual(before)
  expect((await world.device.ok(['cat', '/two'])).stdout.toString()).toBe('two')
})

it('a head that this device has not seen is a fork: nothing is sent', async () => {
  for (const seq of [0, 1, 3]) {
    world.asked.length = 0
    lieAboutHead(seq, new Uint8Array(randomBytes(32)))
    expectFailure(
      await world.device.run(['restore-server', '--yes']),
      5,
      /another commit \d+ than this device has seen/,
    )
    expect(world.asked.some((line) => RESTORE.test(line))).toBe(false)
  }
})

it('a server that takes the changes and says that it has another history ends in 5', async () => {
  const vault = await world.server.database.selectFrom('vaults').select('head_seq').executeTakeFirstOrThrow()
  const seq = vault.head_seq
  world.onTheWay = async (asked) =>
    RESTORE.test(asked)
      ? { status: 200, body: { head: { seq, hash: encodeBytes(new Uint8Array(randomBytes(32))) }, lost: 0 } }
      : undefined
  expectFailure(await world.device.run(['restore-server', '--yes']), 5, /another commit \d+ than this device has seen/)
})
