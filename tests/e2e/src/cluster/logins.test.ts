import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type Cluster, startCluster } from '../../../dev-env/engines/cluster.ts'
import { type OwnDatabase, useDatabase } from '../../../dev-env/engines/postgres-debian.ts'
import { loginDevice, registerDevice } from '../sdk/sdk.ts'

/** Logins in all, half of them by the command line; each stretches a password for about a second. */
const LOGINS = process.env.STRONGROOM_SOAK === '1' ? 50 : 6
const AT_ONCE = 3

let database: OwnDatabase
let cluster: Cluster
beforeAll(async () => {
  database = await useDatabase('15')
  cluster = await startCluster({ database: database.url })
})
afterAll(async () => {
  await cluster?.close()
  await database?.close()
})

it('servers that are killed while people sign in are noticed by none of them', async () => {
  const login = 'ann@example.org'
  await using first = await registerDevice(cluster.url, login)
  let [begun, done] = [0, 0]
  const person = async () => {
    while (begun < LOGINS) {
      begun += 1
      if (begun % 2 === 0) {
        await using device = await loginDevice(cluster.url, login)
        expect((await device.session.sessions()).length).toBeGreaterThan(1)
      } else {
        await using device = await CliDevice.create(cluster.url, 'correct horse battery staple 41')
        await device.login(login)
        await device.ok(['ls', '/'])
      }
      done += 1
    }
  }
  let working = true
  const killings = (async () => {
    let kills = 0
    for (; working; kills += 1) {
      const server = cluster.servers[kills % cluster.servers.length]
      await delay(700)
      await server?.kill()
      await delay(300)
      await server?.restart()
    }
    return kills
  })()
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, person))
  } finally {
    working = false
  }
  expect(await killings).toBeGreaterThan(0)
  expect(done).toBe(LOGINS)
  expect((await first.session.sessions()).length).toBeGreaterThanOrEqual(LOGINS + 1)
})
