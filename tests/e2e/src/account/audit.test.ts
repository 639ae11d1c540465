import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice, runCli } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'
import { query } from '../start/postgres.ts'

const LOGIN = 'audited@example.org'

interface Entry {
  readonly seq: number
  readonly event: string
  readonly count: number
  readonly sessionId: string | null
  readonly deviceName: string | null
}

let folder: string
let server: DevServer
let phone: CliDevice
let laptop: CliDevice

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-audit-'))
  server = await startDevServer({ dataDir: folder })
  phone = await CliDevice.create(server.url)
  laptop = await CliDevice.create(server.url)
  await phone.ok(['register', LOGIN, '--device-name', 'phone', '--recovery-file', join(phone.home, 'recovery')])
  await laptop.ok(['login', LOGIN, '--device-name', 'laptop'])
})
afterAll(async () => {
  for (const device of [phone, laptop]) await device[Symbol.asyncDispose]()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function entries(device: CliDevice): Promise<Entry[]> {
  return JSON.parse((await device.ok(['--json', 'audit'])).stdout.toString())
}

function verify(...parameters: string[]) {
  const options = { home: phone.home, server: server.url, env: { STRONGROOM_DATA: folder } }
  return runCli(['admin', 'audit', 'verify', ...parameters], options)
}

describe('audit', () => {
  it('tells what happened, when and on which device', async () => {
    expect((await entries(phone)).map(({ seq, event, deviceName }) => [seq, event, deviceName])).toEqual([
      [1, 'registered', 'phone'],
      [2, 'device_named', 'phone'],
      [3, 'signed_in', 'laptop'],
      [4, 'device_named', 'laptop'],
    ])
    const text = (await laptop.ok(['audit'])).stdout.toString()
    expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}account made {2}\(phone\)\n/)
    expect((await laptop.ok(['audit', '--since', '2100-01-01'])).stdout.toString()).toBe('')
    expectFailure(await laptop.run(['audit', '--since', 'yesterday']), 2, /--since/)
  })

  it('counts sign-ins that failed', async () => {
    const id = '(SELECT account_id FROM audit_heads)'
    await query(
      folder,
      `INSERT INTO audit_folds SELECT account_id, 'sign_in_failed', 7, 0 FROM audit_heads WHERE account_id = ${id}`,
    )
    expect((await entries(phone)).at(-1)).toMatchObject({ event: 'sign_in_failed', count: 7, sessionId: null })
    expect((await laptop.ok(['audit'])).stdout.toString()).toMatch(/not finished, 7 times\n$/)
  })
})

describe('a database that was changed', () => {
  const whole = async () => {
    const result = await verify()
    expect([result.code, result.stderr]).toEqual([0, expect.stringMatching(/^The audit logs of 1 account hold/)])
  }

  it('is found out by the operator and by every device that had seen the log', async () => {
    await whole()
    const [row] = (await query(folder, 'SELECT event FROM audit_entries WHERE seq = 3')) as { event: string }[]
    await query(folder, "UPDATE audit_entries SET event = 'signed_out' WHERE seq = 3")
    expectFailure(await verify(), 5, /do not hold/)
    expect((await verify(LOGIN)).stdout.toString()).toMatch(/^[0-9a-f]{32} {2}entry 3 was changed\n$/)
    expectFailure(await phone.run(['audit']), 5, /another than the one that this device has seen/)
    await query(folder, `UPDATE audit_entries SET event = '${row?.event}' WHERE seq = 3`)
    await whole()
    await phone.ok(['audit'])
  })

  it('that was set back consistently fools the operator, but no device that had seen more', async () => {
    await query(
      folder,
      `UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit_entries WHERE seq = 4);
       DELETE FROM audit_entries WHERE seq > 4`,
    )
    await whole()
    for (const verb of ['audit', 'whoami']) {
      expectFailure(await phone.run([verb]), 5, /ends at entry 4, but this device has seen entry 5.*restore-server/)
    }
    // Files do not depend on it.
    await phone.ok(['put', '-q', '-', '/works'], { input: 'on' })
    const tablet = await CliDevice.create(server.url)
    await tablet.login(LOGIN)
    await tablet[Symbol.asyncDispose]()
    expectFailure(await phone.run(['audit']), 5, /another than the one.*restore-server/)
    expectFailure(await laptop.run(['login', LOGIN]), 5, /audit log/)
  })

  it('is taken as it is now by whoever says so', async () => {
    expectFailure(await phone.run(['restore-server']), 2, /--yes/)
    expect((await phone.run(['restore-server', '--yes'])).code).toBe(0)
    const events = (await entries(phone)).map((entry) => entry.event)
    expect(events.slice(4)).toEqual(['signed_in', 'device_named', 'signed_in', 'signed_out', 'device_named'])
    await phone.ok(['whoami'])
    expectFailure(await laptop.run(['whoami']), 5, /audit log/)
  })
})
