import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice, runCli } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from './device.ts'

const PASSWORD = 'correct horse battery staple 41'
let server: DevServer
let device: CliDevice
let recoveryFile = ''
beforeAll(async () => {
  server = await startDevServer()
  device = await CliDevice.create(server.url, PASSWORD)
  recoveryFile = await device.register('Anna@example.org')
})
afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
})

/** Another, fresh device of the same person. */
async function otherDevice<T>(task: (other: CliDevice) => Promise<T>, password = PASSWORD): Promise<T> {
  const other = await CliDevice.create(server.url, password)
  try {
    return await task(other)
  } finally {
    await other[Symbol.asyncDispose]()
  }
}

describe('register', () => {
  it('writes a recovery key of 8 groups of 4, for the owner only', async () => {
    expect(await readFile(recoveryFile, 'utf8')).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}[- ]){7}[0-9A-HJKMNP-TV-Z]{4}\n$/)
    expect((await stat(recoveryFile)).mode & 0o777).toBe(0o600)
  })

  it('shows the key nowhere else', async () => {
    await otherDevice(async (other) => {
      const file = join(other.home, 'key')
      const result = await other.ok(['register', 'quiet@example.org', '--recovery-file', file])
      const key = (await readFile(file, 'utf8')).trim()
      expect(result.stderr + result.stdout).not.toContain(key.slice(0, 9))
    })
  })

  it('refuses a login name that is taken with 6, and takes its recovery file away', async () => {
    await otherDevice(async (other) => {
      const file = join(other.home, 'key')
      expectFailure(
        await other.run(['register', 'anna@example.org', '--recovery-file', file]),
        6,
        /login name is in use; choose another/,
      )
      await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' })
    })
  })

  it('gives its result as JSON, with the login name as it is kept', async () => {
    await otherDevice(async (other) => {
      const file = join(other.home, 'key')
      const result = await other.ok(['--json', 'register', 'JSON@Example.org ', '--recovery-file', file])
      expect(JSON.parse(result.stdout.toString())).toEqual({
        login: 'json@example.org',
        server: server.url,
        recoveryFile: file,
      })
      expect(result.stderr).toBe('')
    })
  })
})

describe('login', () => {
  it('takes the password from a file or a command too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-password-'))
    await writeFile(join(folder, 'password'), `${PASSWORD}\n`)
    await otherDevice(async (other) => {
      const login = (env: Record<string, string>) =>
        runCli(['login', ' ANNA@EXAMPLE.ORG '], { home: other.home, server: server.url, env })
      expect(await login({ STRONGROOM_PASSWORD_FILE: join(folder, 'password') })).toMatchObject({ code: 0 })
      expect(await login({ STRONGROOM_PASSWORD_COMMAND: `cat '${folder}/password'` })).toMatchObject({ code: 0 })
    })
    await rm(folder, { recursive: true })
  })

  it('tells a wrong password and an unknown account by the same line and code 4', async () => {
    const wrong = await otherDevice((other) => other.run(['login', 'anna@example.org']), 'not the password')
    const unknown = await otherDevice((other) => other.run(['login', 'nobody@example.org']))
    expectFailure(wrong, 4, /login name or password is wrong/i)
    expect(unknown).toEqual(wrong)
  })

  it('leaves the session that is there alone when it fails', async () => {
    const result = await device.run(['login', 'anna@example.org'], { password: 'not the password' })
    expect(result.code).toBe(4)
    await device.ok(['ls', '/'])
  })
})

describe('whoami', () => {
  it('shows login, server, usage and quota', async () => {
    const text = (await device.ok(['whoami'])).stdout.toString()
    expect(text).toMatch(/^login {4}anna@example\.org$/im)
    expect(text).toContain(server.url)
    expect(text).toMatch(/^used {5}[\d.]+ k?B of [\d.]+ TB/m)
  })

  it('counts what was put, as JSON', async () => {
    const read = async () => JSON.parse((await device.ok(['whoami', '--json'])).stdout.toString())
    const before = await read()
    expect(before).toEqual({
      login: expect.stringMatching(/^anna@example\.org$/i),
      accountId: expect.stringMatching(/^[0-9a-f]{32}$/),
      server: server.url,
      usedBytes: expect.any(Number),
      trashBytes: 0,
      oldVersionBytes: 0,
      quotaBytes: expect.any(Number),
    })
    await device.ok(['put', '-', '/counted'], { input: Buffer.alloc(100_000, 7) })
    expect((await read()).usedBytes - before.usedBytes).toBeGreaterThanOrEqual(100_000)
  })
})

describe('STRONGROOM_SERVER', () => {
  it('that names another server than the session stops every verb with 4', async () => {
    const result = await device.run(['ls', '/'], { env: { STRONGROOM_SERVER: 'https://elsewhere.example' } })
    expectFailure(result, 4, /another server/)
  })

  it('may be written with a slash or without a scheme', async () => {
    await device.ok(['ls', '/'], { env: { STRONGROOM_SERVER: `${server.url}/` } })
    await device.ok(['ls', '/'], { env: { STRONGROOM_SERVER: server.url.replace('http://', '') } })
  })
})

describe('logout', () => {
  it('ends the session: also for a copy of its profile, which gets 4 and is told to log in', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'strongroom-copy-'))
    await otherDevice(async (other) => {
      await other.login('anna@example.org')
      await cp(other.home, copy, { recursive: true })
      await other.ok(['logout'])
      expectFailure(await other.run(['ls', '/']), 4, /strongroom login/)
      expectFailure(await other.run(['ls', '/'], { home: copy }), 4, /strongroom login/)
      await other.login('anna@example.org')
      await other.ok(['ls', '/'])
    })
    await rm(copy, { recursive: true })
  })
})

describe('a server that takes no new accounts', () => {
  it('answers register with 4 and whom to ask', async () => {
    const closed = await startDevServer({ env: { REGISTRATION: 'closed' } })
    const other = await CliDevice.create(closed.url)
    try {
      const result = await other.run(['register', 'x@example.org', '--recovery-file', join(other.home, 'key')])
      expectFailure(result, 4, /operator/)
      await expect(readFile(join(other.home, 'key'))).rejects.toMatchObject({ code: 'ENOENT' })
    } finally {
      await other[Symbol.asyncDispose]()
      await closed.stop()
    }
  })
})

describe('when the server has gone away', () => {
  it('verbs end with 7', async () => {
    const short = await startDevServer()
    const other = await CliDevice.create(short.url)
    try {
      await other.register('gone@example.org')
      await short.stop()
      expectFailure(await other.run(['put', '-', '/x'], { input: 'x' }), 7, /server/)
    } finally {
      await other[Symbol.asyncDispose]()
    }
  })
})
