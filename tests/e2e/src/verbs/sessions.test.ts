import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { expectFailure, useDesk } from '../cli/device.ts'

const desk = useDesk()
let laptop: CliDevice

interface SessionJson {
  sessionId: string
  deviceName: string | null
  current: boolean
  lastUsed: string
}

beforeAll(async () => {
  laptop = await CliDevice.create(desk.server.url)
  await laptop.ok(['login', 'tester@example.org', '--device-name', 'Laptop of Ann'])
})
afterAll(() => laptop[Symbol.asyncDispose]())

const list = async (device: CliDevice): Promise<SessionJson[]> =>
  JSON.parse((await device.ok(['sessions', '--json'])).stdout.toString())

describe('sessions', () => {
  it('shows every device by its name, which came from the private log', async () => {
    const sessions = await list(desk.device)
    expect(sessions.length).toBe(2)
    const other = sessions.find((session) => !session.current)
    expect(other).toMatchObject({ deviceName: 'Laptop of Ann', lastUsed: expect.stringMatching(/^\d{4}-/) })
    expect(await desk.ok('sessions')).toMatch(/^[0-9a-f]{32} {2}\S+ \S+ {2}Laptop of Ann$/m)
    expect((await laptop.ok(['sessions'])).stdout.toString()).toMatch(/Laptop of Ann {2}\(this one\)$/m)
  })

  it('names the device that stored a version', async () => {
    await laptop.ok(['put', '-', '/from-laptop'], { input: 'x' })
    expect(await desk.ok('versions', '/from-laptop')).toContain('Laptop of Ann')
  })

  it('ends another one by the first digits of its id, and says what it does not find', async () => {
    const other = (await list(desk.device)).find((session) => !session.current)
    expectFailure(await desk.run('sessions', 'revoke'), 2, /or say --all/)
    expectFailure(await desk.run('sessions', 'revoke', 'ffffffff00'), 3, /no such session/)
    await desk.ok('sessions', 'revoke', other?.sessionId.slice(0, 12) ?? '')
    expectFailure(await laptop.run(['ls', '/']), 4, /strongroom login/)
    expect((await list(desk.device)).length).toBe(1)
  })

  it('ends all others, and not itself', async () => {
    await laptop.login('tester@example.org')
    expect(await desk.json('sessions', 'revoke', '--all')).toEqual({ revoked: 1, failed: [] })
    expectFailure(await laptop.run(['ls', '/']), 4, /strongroom login/)
    await desk.ok('ls', '/')
  })

  it('ends the one that a new sign-in on the same device takes the place of, and no other', async () => {
    await laptop.login('tester@example.org')
    const before = await list(laptop)
    const own = before.find((session) => session.current)
    await laptop.login('tester@example.org')
    const after = await list(laptop)
    expect(after.length).toBe(before.length)
    expect(after.some((session) => session.sessionId === own?.sessionId)).toBe(false)
    await desk.ok('ls', '/')
  })

  it('signs in anew where the old session, or the server of it, is gone', async () => {
    const own = (await list(laptop)).find((session) => session.current)
    await desk.ok('sessions', 'revoke', own?.sessionId ?? '')
    await laptop.login('tester@example.org')
    const profile = join(laptop.home, 'profile.json')
    const text = await readFile(profile, 'utf8')
    const elsewhere = JSON.stringify({ ...JSON.parse(text), server: 'http://127.0.0.1:9' })
    for (const stored of [elsewhere, 'not a profile']) {
      await writeFile(profile, stored)
      await laptop.login('tester@example.org')
      await laptop.ok(['ls', '/'])
    }
    await desk.ok('sessions', 'revoke', '--all')
    await laptop.login('tester@example.org')
  })

  it('ends everything, this one too', async () => {
    await laptop.login('tester@example.org')
    expectFailure(await desk.run('sessions', 'revoke', '--all', '--everything'), 2, /--all or --everything/)
    expect(await desk.json('sessions', 'revoke', '--everything')).toEqual({ revoked: 2, failed: [] })
    for (const device of [laptop, desk.device]) expectFailure(await device.run(['ls', '/']), 4, /strongroom login/)
  })
})
