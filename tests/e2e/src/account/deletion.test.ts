import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'

const LOGIN = 'gone@example.org'

let folder: string
let server: DevServer
let phone: CliDevice
let laptop: CliDevice
let stranger: CliDevice
const file = (name: string) => join(folder, name)
const text = async (device: CliDevice, ...parameters: string[]) => (await device.ok(parameters)).stdout.toString()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-deletion-'))
  server = await startDevServer({ dataDir: file('data') })
  phone = await CliDevice.create(server.url)
  laptop = await CliDevice.create(server.url)
  stranger = await CliDevice.create(server.url)
  await phone.register(LOGIN)
  await phone.ok(['put', '-q', '-', '/secret'], { input: 'secret' })
  await laptop.login(LOGIN)
})
afterAll(async () => {
  for (const device of [phone, laptop, stranger]) await device[Symbol.asyncDispose]()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('account delete', () => {
  it('wants the login name and the password, and leaves no receipt where it fails', async () => {
    const receipt = file('refused.json')
    expectFailure(await phone.run(['-q', 'account', 'delete', '--receipt', receipt]), 2, /--confirm/)
    expectFailure(
      await phone.run(['-q', 'account', 'delete', '--receipt', receipt, '--confirm', 'other@example.org']),
      2,
      /not the login name/,
    )
    expectFailure(
      await phone.run(['-q', 'account', 'delete', '--receipt', receipt, '--confirm', LOGIN], { password: 'wrong' }),
      4,
      /wrong/,
    )
    await expect(readFile(receipt)).rejects.toThrow()
    expect(await text(phone, 'cat', '/secret')).toBe('secret')
  })

  it('says what goes, keeps the receipt, and ends every device', async () => {
    const result = await phone.ok(['account', 'delete', '--confirm', LOGIN, '--receipt', file('receipt.json')])
    expect(result.stderr).toMatch(/1 file and 0 folders/)
    expect(result.stderr).toMatch(/The account is deleted\. The receipt is in/)
    // Not of older ones: what wrapped the account's keys in those may have been another key.
    expect(result.stderr).toMatch(/Backups of the server's database made since \d{4}-.+ once the operator has replaced/)
    for (const device of [phone, laptop]) expect((await device.run(['ls', '/'])).code).toBe(4)
    expectFailure(await laptop.run(['login', LOGIN]), 4, /wrong/)
    const again = await phone.run(['account', 'delete', '--confirm', LOGIN])
    expect(again.code).toBe(4)
  })

  it('gives the receipt again, once more from the device that asked for the deletion', async () => {
    await phone.ok(['account', 'receipt', '--receipt', file('again.json')])
    expect(await readFile(file('again.json'), 'utf8')).toBe(await readFile(file('receipt.json'), 'utf8'))
    expectFailure(await phone.run(['account', 'receipt', '--receipt', file('again.json')]), 6, /never overwritten/)
    expectFailure(await stranger.run(['account', 'receipt', '--receipt', file('none.json')]), 3, /No account/)
  })

  it('lets the login name be taken again, with nothing of the old account', async () => {
    const home = await CliDevice.create(server.url)
    await home.register(LOGIN)
    expect(await text(home, 'ls', '/')).toBe('')
    const audit = JSON.parse(await text(home, '--json', 'audit'))
    expect(audit.map((entry: { event: string }) => entry.event)).toEqual(['registered', 'device_named'])
    await home[Symbol.asyncDispose]()
  })
})

describe('verify-receipt', () => {
  it('says what the receipt says, on the device that knows the server, and with its key anywhere', async () => {
    const shown = JSON.parse(await text(phone, '--json', 'verify-receipt', file('receipt.json')))
    expect(shown).toMatchObject({ scope: 'shared', sessions: 2, vaults: 1, blobs: 1, server: server.url })
    expect(shown.backupsNoiseFrom).toBeNull()
    expect(await text(phone, 'verify-receipt', file('receipt.json'))).toContain(`the key of ${server.url}`)
    const named = await text(stranger, '--json', 'verify-receipt', '--key', shown.publicKey, file('receipt.json'))
    expect(JSON.parse(named)).toEqual({ ...shown, server: null })
    expectFailure(await stranger.run(['verify-receipt', file('receipt.json')]), 2, /no key/)
  })

  it('refuses a changed receipt and another key with exit code 5', async () => {
    const stored = JSON.parse(await readFile(file('receipt.json'), 'utf8'))
    const bytes = Buffer.from(stored.receipt, 'base64url')
    bytes[30] = (bytes[30] ?? 0) ^ 1
    await writeFile(file('changed.json'), JSON.stringify({ ...stored, receipt: bytes.toString('base64url') }))
    expectFailure(await phone.run(['verify-receipt', file('changed.json')]), 5, /not signed/)
    await writeFile(file('nonsense.json'), '{"receipt": 5}')
    expectFailure(await phone.run(['verify-receipt', file('nonsense.json')]), 5, /no receipt/)
    await writeFile(file('newer.json'), JSON.stringify({ ...stored, strongroomReceipt: 2 }))
    expectFailure(await phone.run(['verify-receipt', file('newer.json')]), 5, /newer program/)
    expectFailure(await phone.run(['verify-receipt', '--key', '00'.repeat(32), file('receipt.json')]), 5, /this key/)
  })
})
