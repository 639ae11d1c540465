import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CliDevice, type CliResult } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'
import { type Operator, operator } from './operator.ts'

let server: DevServer
let admin: Operator
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-invitations-'))
  server = await startDevServer({ env: { REGISTRATION: 'invite' } })
  admin = operator({ ...server.settings, REGISTRATION: 'invite' })
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

let files = 0
async function register(login: string, more: string[] = [], env: Record<string, string> = {}): Promise<CliResult> {
  await using device = await CliDevice.create(server.url)
  files += 1
  return device.run(['register', login, '--recovery-file', join(folder, String(files)), ...more], { env })
}

it('nobody registers without a code, or with a wrong one, and no recovery key is left lying around', async () => {
  expectFailure(await register('ann'), 4, /invited.*--invite/)
  expectFailure(await register('ann', ['--invite', 'AAAAA-AAAAA-AAAAA-AAAAA']), 4, /Check the code/)
  expectFailure(await register('ann', ['--invite', 'é'.repeat(100)]), 4, /Check the code/)
  expectFailure(await register('ann', ['--invite', ' ']), 2, /invitation/)
  await expect(rm(join(folder, '1'))).rejects.toThrow(/ENOENT/)
})

it('a code makes so many accounts, of its quota', async () => {
  const code = await admin.ok('invite', '--uses', '2', '--quota', '5M')
  expect(code).toMatch(/^[0-9A-Z]{5}(-[0-9A-Z]{5}){3}$/)
  const attempt = randomBytes(4).toString('hex')
  expect((await register(`ann-${attempt}`, ['--invite', code])).code).toBe(0)
  expect((await register(`bob-${attempt}`, [], { STRONGROOM_INVITE: code.toLowerCase() })).code).toBe(0)
  expectFailure(await register('carol', ['--invite', code]), 4, /used already/)
  expect(await admin.ok('users')).toMatch(/5\.0 MB\*\n.*5\.0 MB\*$/)
})

it('a code that is taken back is no good any more', async () => {
  const made = await admin.json<{ invite: string; code: string; expires: string | null }>(
    'invite',
    '--expires',
    'never',
  )
  expect(made.expires).toBeNull()
  expect(await admin.ok('invite', 'list')).toMatch(new RegExp(`^${made.invite}.*0/1 used  never expires$`, 'm'))
  expectFailure(await admin.run(['invite', 'revoke', 'ffffffffff']), 3, /no such invitation/)
  await admin.ok('invite', 'revoke', made.invite.slice(0, 8))
  expect(await admin.ok('invite', 'list')).not.toContain(made.invite)
  expect(await admin.ok('invite', 'list', '--all')).toMatch(/revoked/)
  expectFailure(await register('carol', ['--invite', made.code]), 4, /taken it back/)
})
