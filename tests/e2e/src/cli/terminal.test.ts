import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { hasTerminal, runOnTerminal, type TerminalOptions } from '../../../repository/terminal.ts'

const BIN = fileURLToPath(new URL('../../../../apps/cli/bin/strongroom.js', import.meta.url))
const KEY = /((?:[0-9A-Z]{4}[- ]){7}[0-9A-Z]{4})/
const PASSWORD = 'typed on a terminal'
const CHANGED = 'typed on a terminal later'

describe.skipIf(!hasTerminal)('on a terminal', () => {
  let folder = ''
  let server: DevServer
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-terminal-'))
    server = await startDevServer()
  })
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Types a command line as a person would; the screen ends with its exit code. */
  async function type(command: string, dialogue: TerminalOptions['dialogue'], home = 'home'): Promise<string> {
    const file = join(folder, `command-${Math.random()}.sh`)
    await writeFile(file, `'${process.execPath}' '${BIN}' ${command}\necho "exit code $?"\n`)
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('STRONGROOM_'))
    const env = { ...Object.fromEntries(clean), STRONGROOM_HOME: join(folder, home), STRONGROOM_SERVER: server.url }
    return runOnTerminal(file, { cwd: folder, env, dialogue, limitMs: 120_000 })
  }

  let key = ''
  it('register asks for the password twice and for the recovery key until it is right', async () => {
    const screen = await type('register typed@example.org', [
      { after: /New password/, type: () => `${PASSWORD}\r` },
      { after: /same password again/, type: () => 'a slip\r' },
      { after: /The two differ[\s\S]*New password/, type: () => `${PASSWORD}\r` },
      { after: /same password again/, type: () => `${PASSWORD}\r` },
      {
        after: new RegExp(`${KEY.source}[\\s\\S]*press Enter`),
        type: (match) => {
          key = match[1] ?? ''
          return '\r'
        },
      },
      { after: /Type the recovery key/, type: () => 'not the key\r' },
      {
        after: /That is not the key[\s\S]*Type the recovery key/,
        type: () => `${key.toLowerCase().replaceAll('-', ' ')}\r`,
      },
    ])
    expect(screen).toContain('Welcome, typed@example.org.')
    expect(screen).toContain('exit code 0')
    expect(screen).not.toContain(PASSWORD)
    expect(screen.split(key).length - 1).toBe(1)
  })

  it('Ctrl-C at the recovery key makes no account', async () => {
    const screen = await type(
      'register nobody@example.org',
      [
        { after: /New password/, type: () => `${PASSWORD}\r` },
        { after: /same password again/, type: () => `${PASSWORD}\r` },
        { after: /press Enter/, type: () => '\u0003' },
      ],
      'other',
    )
    expect(screen).toContain('exit code 130')
    const login = await type('login nobody@example.org', [{ after: /Password/, type: () => `${PASSWORD}\r` }], 'other')
    expect(login).toContain('Login name or password is wrong')
    expect(login).toContain('exit code 4')
  })

  it('passwd asks for the current password, and twice for the new one', async () => {
    const screen = await type('passwd', [
      { after: /Current password/, type: () => `${PASSWORD}\r` },
      { after: /New password/, type: () => `${CHANGED}\r` },
      { after: /same password again/, type: () => `${CHANGED}\r` },
    ])
    expect(screen).toContain('The password is changed.')
    expect(screen).toContain('exit code 0')
    for (const secret of [PASSWORD, CHANGED]) expect(screen).not.toContain(secret)
  })

  it('recovery use names the group that is mistyped, and makes the new key be typed back', async () => {
    const mistyped = key.replace(/^(.{10})./, (_, before: string) => `${before}${key[10] === '2' ? '3' : '2'}`)
    let next = ''
    const screen = await type(
      'recovery use typed@example.org',
      [
        { after: /Recovery key/, type: () => `${mistyped}\r` },
        { after: /look at group 3 again[\s\S]*Recovery key/, type: () => `${key.toLowerCase()}\r` },
        { after: /New password/, type: () => `${PASSWORD}\r` },
        { after: /same password again/, type: () => `${PASSWORD}\r` },
        {
          after: new RegExp(`shown only now[\\s\\S]*${KEY.source}[\\s\\S]*press Enter`),
          type: (match) => {
            next = match[1] ?? ''
            return '\r'
          },
        },
        { after: /Type the recovery key/, type: () => `${key}\r` },
        { after: /the old key still counts[\s\S]*Type the recovery key/, type: () => `${next}\r` },
      ],
      'rescued',
    )
    expect(screen).toContain('with the new password')
    expect(screen).toContain('exit code 0')
    expect(next).not.toBe(key)
    const tested = await type('recovery test', [{ after: /Recovery key/, type: () => `${next}\r` }], 'rescued')
    expect(tested).toContain('exit code 0')
  })

  it('put and get show a bar with rate and time left, and take it away again', async () => {
    await writeFile(join(folder, 'large'), randomBytes(24_000_000))
    await type('login typed@example.org', [{ after: /Password/, type: () => `${PASSWORD}\r` }])
    for (const command of ['put --limit-rate 12M large /large', 'get --limit-rate 12M /large back']) {
      const screen = await type(command, [])
      expect(screen).toMatch(/█[\s\S]* of 24\.0 MB, [\d.]+ [kM]?B\/s, \d+ s left/)
      expect(screen).toContain('exit code 0')
    }
  })

  it('--quiet shows no bar', async () => {
    expect(await type('put --quiet large /large2', [])).toBe('exit code 0\r\n')
  })
})
