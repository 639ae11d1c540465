import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeAt } from '../../../../packages/server/src/testing/totp-code.ts'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'
import { freshLogin } from '../sdk/sdk.ts'

const OLD = 'correct horse battery staple 41'
const NEW = 'a very different password 17'
const AS_NEW = { STRONGROOM_NEW_PASSWORD: NEW }

let server: DevServer
let folder: string
beforeAll(async () => {
  server = await startDevServer({ env: { LOGIN_ATTEMPTS_PER_MINUTE: '10000' } })
  folder = await mkdtemp(join(tmpdir(), 'strongroom-credentials-'))
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

function fromBase32(text: string): Uint8Array {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...text].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('')
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
}

const device = (password = OLD): Promise<CliDevice> => CliDevice.create(server.url, password)

describe('passwd', () => {
  it('changes the password: other devices are signed out with exit code 4, and sign in with the new one', async () => {
    const login = freshLogin()
    await using first = await device()
    await using second = await device()
    await using renewed = await device(NEW)
    await first.register(login)
    await second.login(login)
    await first.ok(['put', '-', '/kept.txt'], { input: 'kept' })
    const changed = await first.ok(['passwd', '--json'], { env: AS_NEW })
    expect(JSON.parse(changed.stdout.toString())).toEqual({ changed: 'password' })
    expect(changed.stderr + changed.stdout).not.toContain(NEW)
    expect((await first.ok(['cat', '/kept.txt'])).stdout.toString()).toBe('kept')
    expectFailure(await second.run(['ls', '/']), 4, /login/)
    expectFailure(await second.run(['login', login]), 4, /wrong/)
    await renewed.login(login)
    expect((await renewed.ok(['cat', '/kept.txt'])).stdout.toString()).toBe('kept')
    // The device that was signed out goes on under the pins that it has.
    await second.ok(['login', login], { password: NEW })
    expect((await second.ok(['cat', '/kept.txt'])).stdout.toString()).toBe('kept')
  })

  it('refuses a wrong current password, an unknown profile and a missing source', async () => {
    const login = freshLogin()
    await using first = await device()
    await first.register(login)
    expectFailure(await first.run(['passwd'], { env: AS_NEW, password: 'wrong' }), 4, /nothing was changed/)
    expectFailure(await first.run(['passwd', '--kdf', 'md5'], { env: AS_NEW }), 2, /argon2id-64/)
    expectFailure(await first.run(['passwd']), 2, /STRONGROOM_NEW_PASSWORD/)
    await first.ok(['passwd', '--kdf', 'argon2id-32'], { env: { STRONGROOM_NEW_PASSWORD: OLD } })
    await first.login(login)
  })
})

describe('account rename', () => {
  it('changes the login name, and refuses one that is taken', async () => {
    const [login, other, renamed] = [freshLogin(), freshLogin(), freshLogin()]
    await using first = await device()
    await using second = await device()
    await first.register(login)
    await second.register(other)
    expectFailure(await first.run(['account', 'rename', other]), 6, /in use/)
    await first.ok(['account', 'rename', renamed])
    expect(JSON.parse((await first.ok(['whoami', '--json'])).stdout.toString()).login).toBe(renamed)
    expectFailure(await first.run(['login', login]), 4, /wrong/)
    await first.login(renamed)
  })
})

describe('recovery', () => {
  it('test knows the key, and names the groups that are mistyped', async () => {
    await using first = await device()
    const file = await first.register(freshLogin())
    await first.ok(['recovery', 'test', '--recovery-key-file', file])
    await first.ok(['recovery', 'test'], { env: { STRONGROOM_RECOVERY_KEY_FILE: file } })
    const groups = (await readFile(file, 'utf8')).trim().split('-')
    const swapped = groups.map((group, index) => (index === 4 ? `${group === '2222' ? '3' : '2222'}` : group))
    const mistyped = join(folder, 'mistyped')
    await writeFile(mistyped, swapped.join('-').slice(0, 39))
    expectFailure(await first.run(['recovery', 'test', '--recovery-key-file', mistyped]), 2, /group/)
    await using second = await device()
    const foreign = await second.register(freshLogin())
    expectFailure(await first.run(['recovery', 'test', '--recovery-key-file', foreign]), 4, /recovery new/)
    expectFailure(await first.run(['recovery', 'test']), 2, /--recovery-key-file/)
  })

  it('use sets a new password and a new key; the old ones open nothing afterwards', async () => {
    const login = freshLogin()
    await using first = await device()
    const oldKey = await first.register(login)
    await first.ok(['put', '-', '/kept.txt'], { input: 'kept' })
    await using second = await device(NEW)
    const newKey = join(second.home, 'new-key')
    const use = (from: string, to: string) => [
      ...['recovery', 'use', login, '--recovery-key-file', from],
      ...['--recovery-file', to, '--json'],
    ]
    const used = await second.ok(use(oldKey, newKey), { env: AS_NEW })
    expect(JSON.parse(used.stdout.toString())).toMatchObject({ login, recoveryFile: newKey })
    expect(used.stderr + used.stdout).not.toContain((await readFile(newKey, 'utf8')).slice(0, 9))
    expect((await second.ok(['cat', '/kept.txt'])).stdout.toString()).toBe('kept')
    expectFailure(await first.run(['ls', '/']), 4, /login/)
    expectFailure(await first.run(['login', login]), 4, /wrong/)
    await using third = await device(NEW)
    expectFailure(await third.run(use(oldKey, join(third.home, 'k')), { env: AS_NEW }), 4, /recovery key is wrong/)
    expect(await readdir(third.home)).not.toContain('k.unconfirmed')
    await second.ok(['recovery', 'test', '--recovery-key-file', newKey])
    await third.login(login)
  })

  it('use asks for the second factor once the key was right, and takes a backup code', async () => {
    const login = freshLogin()
    await using first = await device()
    const oldKey = await first.register(login)
    const begun = JSON.parse((await first.ok(['--json', '2fa', 'enable', '--begin'])).stdout.toString())
    const [codes, newKey] = [join(first.home, 'codes'), join(first.home, 'new-key')]
    await first.ok(['2fa', 'enable', '--confirm', begun.enrolmentId, '--backup-file', codes], {
      env: { STRONGROOM_CODE: codeAt(fromBase32(begun.secret), Date.now()) },
    })
    const backupCode = (await readFile(codes, 'utf8')).split('\n')[0] ?? ''
    await using second = await device(NEW)
    const use = (key: string, env: Record<string, string>) =>
      second.run(['recovery', 'use', login, '--recovery-key-file', key, '--recovery-file', newKey], {
        env: { ...AS_NEW, ...env },
      })
    await using stranger = await device()
    const wrongKey = await stranger.register(freshLogin())
    expectFailure(await use(wrongKey, { STRONGROOM_CODE: backupCode }), 4, /recovery key is wrong/)
    expectFailure(await use(oldKey, {}), 4, /STRONGROOM_CODE/)
    expectFailure(await use(oldKey, { STRONGROOM_CODE: 'AAAA-BBBB-CCCC' }), 4, /code/)
    expect((await use(oldKey, { STRONGROOM_CODE: backupCode })).code).toBe(0)
    await second.ok(['recovery', 'test', '--recovery-key-file', newKey])
    expect((await second.ok(['--json', '2fa', 'status'])).stdout.toString()).toContain('"backupCodesLeft": 9')
  })

  it('new replaces the key, into a file that has its name only once the key counts', async () => {
    await using first = await device()
    const oldKey = await first.register(freshLogin())
    const newKey = join(first.home, 'new-key')
    const renew = (options = {}) => first.run(['recovery', 'new', '--recovery-file', newKey], options)
    expectFailure(await renew({ password: 'wrong' }), 4, /nothing was changed/)
    expect((await readdir(first.home)).filter((name) => name.startsWith('new-key'))).toEqual([])
    await writeFile(`${newKey}.unconfirmed`, 'of an attempt that was cut off')
    expectFailure(await renew(), 6, /recovery test/)
    await rm(`${newKey}.unconfirmed`)
    expect((await renew()).code).toBe(0)
    expect((await readdir(first.home)).filter((name) => name.startsWith('new-key'))).toEqual(['new-key'])
    expectFailure(await renew(), 6, /never overwritten/)
    await first.ok(['recovery', 'test', '--recovery-key-file', newKey])
    expectFailure(await first.run(['recovery', 'test', '--recovery-key-file', oldKey]), 4, /recovery/)
  })
})
