import type { Platform } from '@strongroom/client'
import { asNodeId } from '@strongroom/crypto'
import { MAX_DELTAS } from '@strongroom/vault'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keepCheckpoints, writeCheckpoint } from '../../../../packages/client/src/checkpoint/keeper.ts'
import type { VaultLog } from '../../../../packages/client/src/vault-log/types.ts'
import { type DeviceLog, openDeviceLog } from '../../../dev-env/device-log.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { freshLogin, loginDevice, registerDevice, type SdkDevice } from '../sdk/sdk.ts'

let server: DevServer
beforeAll(async () => {
  server = await startDevServer()
})
afterAll(async () => {
  await server?.stop()
})

let number = 0

/** Commits one folder, or many at once. */
async function makeFolders(log: VaultLog, count = 1): Promise<void> {
  await log.commit(
    (state) => ({
      contents: [],
      operations: Array.from({ length: count }, () => {
        number += 1
        const nodeId = asNodeId(crypto.getRandomValues(new Uint8Array(16)))
        return {
          op: 'create' as const,
          nodeId,
          parentId: state.rootId,
          name: `folder ${number}`,
          kind: 'folder' as const,
        }
      }),
    }),
    undefined,
  )
}

async function shape(log: VaultLog) {
  const opened = await log.readCheckpoint(undefined)
  if (opened === null) throw new Error('there is no checkpoint')
  const { manifest, namedBy } = opened
  return { seq: manifest.seq, namedBy: namedBy.seq, deltas: manifest.deltas.length, base: manifest.base.blobId }
}

async function expectSame(login: string, device: SdkDevice): Promise<void> {
  await using fresh = await loginDevice(server.url, login)
  expect(await fresh.session.drive.list('/')).toEqual(await device.session.drive.list('/'))
}

/** A log whose checkpoint is named only after something else was done. */
function delayed({ log }: DeviceLog, meanwhile: () => Promise<void>): { log: VaultLog; named: boolean[] } {
  const named: boolean[] = []
  const slow: VaultLog = Object.create(log, {
    nameCheckpoint: {
      value: async (...parameters: Parameters<VaultLog['nameCheckpoint']>) => {
        await meanwhile()
        const done = await log.nameCheckpoint(...parameters)
        named.push(done)
        return done
      },
    },
  })
  return { log: slow, named }
}

describe('checkpoints', () => {
  it('are a base and deltas, until these outgrow half of the base or are too many', async () => {
    const login = freshLogin()
    await using device = await registerDevice(server.url, login)
    await using opened = await openDeviceLog(device.platform)
    const { log, keeping } = opened
    await makeFolders(log, 1500)
    await writeCheckpoint(log, keeping, undefined)
    const first = await shape(log)
    expect(first).toMatchObject({ deltas: 0, namedBy: log.state.seq, seq: log.state.seq - 1 })
    for (let deltas = 1; deltas <= 3; deltas += 1) {
      await makeFolders(log)
      await writeCheckpoint(log, keeping, undefined)
      expect(await shape(log)).toMatchObject({ deltas, base: first.base, namedBy: log.state.seq })
    }
    await expectSame(login, device)
    await makeFolders(log, 1500)
    await writeCheckpoint(log, keeping, undefined)
    const second = await shape(log)
    expect(second.deltas).toBe(0)
    expect(second.base).not.toEqual(first.base)
    await expectSame(login, device)
    for (let deltas = 1; deltas <= MAX_DELTAS; deltas += 1) await writeCheckpoint(log, keeping, undefined)
    expect(await shape(log)).toMatchObject({ deltas: MAX_DELTAS, base: second.base })
    await writeCheckpoint(log, keeping, undefined)
    expect((await shape(log)).deltas).toBe(0)
    await expectSame(login, device)
    // The blobs of old checkpoints were released.
    expect(log.state.checkpoint?.blobIds.length).toBe(1)
    expect(log.state.imbalance.size).toBe(0)
    const { usedBytes } = await device.session.whoami()
    expect(usedBytes).toBeLessThan(400_000)
  })

  it('are named after commits that came meanwhile, but not after another checkpoint', async () => {
    const login = freshLogin()
    await using one = await registerDevice(server.url, login)
    await using two = await loginDevice(server.url, login)
    await using first = await openDeviceLog(one.platform)
    await using second = await openDeviceLog(two.platform)
    await makeFolders(first.log)
    const late = delayed(first, () => makeFolders(second.log))
    await writeCheckpoint(late.log, first.keeping, undefined)
    expect(late.named).toEqual([true])
    const { seq, namedBy } = await shape(second.log)
    expect(namedBy - seq).toBe(2)
    await expectSame(login, two)

    const beaten = delayed(first, async () => {
      await makeFolders(second.log)
      await writeCheckpoint(second.log, second.keeping, undefined)
    })
    await writeCheckpoint(beaten.log, first.keeping, undefined)
    expect(beaten.named).toEqual([false])
    expect(await shape(first.log)).toEqual(await shape(second.log))
    await expectSame(login, two)
  })

  it('are written when they are due, and never fail what the user does', async () => {
    const login = freshLogin()
    let broken = false
    const breakable = (platform: Platform): Platform => ({
      ...platform,
      transport: (url, request) =>
        broken && url.endsWith('/v1/blobs')
          ? Promise.reject(new Error('the network is gone'))
          : platform.transport(url, request),
    })
    await using device = await registerDevice(server.url, login, breakable)
    const policy = { commits: 3, bodyBytes: 1_000_000 }
    {
      const opened = await openDeviceLog(device.platform)
      const log = keepCheckpoints(opened.log, { ...opened.keeping, policy })
      broken = true
      for (let times = 0; times < 5; times += 1) await makeFolders(log)
      await log.close()
    }
    {
      const opened = await openDeviceLog(device.platform)
      expect(opened.log.state.checkpoint).toBeNull()
      const log = keepCheckpoints(opened.log, { ...opened.keeping, policy })
      broken = false
      await makeFolders(log)
      await log.close()
    }
    await using again = await openDeviceLog(device.platform)
    const named = await shape(again.log)
    expect(named.namedBy).toBe(again.log.state.seq)
    const log = keepCheckpoints(again.log, { ...again.keeping, policy: { commits: 1000, bodyBytes: 5000 } })
    expect(log.bodyBytes).toBe(0)
    await makeFolders(log, 300)
    while (log.state.checkpoint?.namedBySeq === named.namedBy) await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await shape(log)).seq).toBe(named.namedBy + 1)
    await expectSame(login, device)
  })
})
