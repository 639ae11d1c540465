import { hashMessage } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestServer, type TestServer } from '../../../packages/server/src/testing/test-server.ts'
import { type Device, openDevice, textSource } from './device.ts'
import { type Lie, lie, type TrueLog, telling } from './lies.ts'
import { assertion, TIMEOUT_MS } from './runs.ts'
import { hashOf, readCommits, readTruth, storedHash } from './truth.ts'
import { isAppend } from './wire.ts'

const engine = nodeEngine()
const HEADER_LENGTH = 276
let server: TestServer
let foreign: Uint8Array[]
let accounts = 0

beforeAll(async () => {
  server = await createTestServer()
  const stranger = await openDevice({ server, login: 'stranger@example.org', name: 's', seed: 's', register: true })
  for (let number = 0; number < 8; number += 1) await stranger.session.drive.mkdir(`/${number}`)
  foreign = await readCommits(server, stranger)
  await stranger.close()
})

afterAll(() => server.close())

interface Pair {
  readonly writer: Device
  readonly victim: Device
}

async function openPair(number: number): Promise<Pair> {
  accounts += 1
  const login = `user-${accounts}@example.org`
  // One server for all, so that no id may come twice.
  const seed = `${number}/${accounts}`
  const writer = await openDevice({ server, login, name: 'writer', seed, register: true })
  return { writer, victim: await openDevice({ server, login, name: 'victim', seed }) }
}

async function write(device: Device, from: number, count: number): Promise<void> {
  for (let number = from; number < from + count; number += 1) {
    await device.session.drive.put(textSource(`content ${number}`, number), `/${number}`)
  }
}

async function trueLog(device: Device, seen: number): Promise<TrueLog> {
  const commits = await readCommits(server, device)
  const hashes = await Promise.all(
    commits.map((bytes) => engine.sha256(hashMessage('commit', bytes.subarray(0, HEADER_LENGTH)))),
  )
  return { commits, hashes, foreign, seen }
}

/** How the victim meets the lie: as it runs, started again, or without its cache. */
const start = fc.constantFrom('running' as const, 'restarted' as const, 'without cache' as const)

describe('a server that lies about the log', () => {
  test('is stopped at once, and believed again once it tells the truth', { timeout: TIMEOUT_MS }, async () => {
    const counts = fc.integer({ min: 1, max: 4 })
    const kinds = new Set<Lie['kind']>()
    await fc.assert(
      fc.asyncProperty(lie, start, counts, counts, fc.nat(), async (told, how, before, after, seed) => {
        kinds.add(told.kind)
        const { writer, victim } = await openPair(seed)
        await write(writer, 0, before)
        await victim.session.drive.sync()
        const seen = (await readCommits(server, writer)).length - 1
        await write(writer, before, after)
        if (how !== 'running') await victim.restart({ loseCache: how === 'without cache' })
        victim.trouble = telling(told, await trueLog(writer, seen))
        const failure = await victim.session.drive.sync().then(
          () => 'believed',
          (error: { code?: string }) => error.code,
        )
        // What changes a version's byte looks like something newer.
        expect(told.kind === 'flip' ? ['integrity', 'upgrade_required'] : ['integrity']).toContain(failure)
        victim.trouble = null
        await victim.session.drive.sync()
        expect(await storedHash(victim)).toBe(await hashOf((await readTruth(server, writer)).state))
        for (const device of [writer, victim]) await device.close()
      }),
      assertion({ sample: 24, soak: 3000 }),
    )
    if (process.env.STRONGROOM_PATH === undefined) expect(kinds.size).toBeGreaterThan(6)
  })

  test('cannot fork two devices: whoever comes back stops, and stays stopped', { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(start, fc.integer({ min: 1, max: 3 }), fc.nat(), async (how, count, seed) => {
        const { writer, victim } = await openPair(seed)
        await victim.session.drive.sync()
        // The victim's commit is answered as if it were stored, and is not.
        victim.trouble = async (url, request, ask) => {
          if (!isAppend(url, request)) return await ask()
          const body = JSON.parse(String(request.body)) as { commit: string }
          const header = Buffer.from(body.commit, 'base64url').subarray(0, HEADER_LENGTH)
          const hash = await engine.sha256(hashMessage('commit', header))
          const head = { seq: Number(header.readBigUInt64BE(24)), hash: Buffer.from(hash).toString('base64url') }
          const headers = { 'content-type': 'application/json' }
          return { status: 200, headers, body: new TextEncoder().encode(JSON.stringify(head)) }
        }
        await victim.session.drive.mkdir('/mine')
        victim.trouble = null
        await write(writer, 0, count)
        for (const again of [false, true]) {
          if (again || how !== 'running') await victim.restart({ loseCache: how === 'without cache' })
          await expect(victim.session.drive.sync()).rejects.toMatchObject({ code: 'integrity' })
        }
        for (const device of [writer, victim]) await device.close()
      }),
      assertion({ sample: 6, soak: 300 }),
    )
  })
})
