import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeAt } from '../../../../packages/server/src/testing/totp-code.ts'
import { CliDevice, type CliOptions } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { hasTerminal, runOnTerminal } from '../../../repository/terminal.ts'
import { expectFailure } from '../cli/device.ts'
import { startGate } from '../cli/gate.ts'

const BIN = new URL('../../../../apps/cli/bin/strongroom.js', import.meta.url).pathname

let folder: string
let server: DevServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-second-factor-'))
  server = await startDevServer()
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

function fromBase32(text: string): Uint8Array {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...text].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('')
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
}

/** The authenticator's code, now or some steps from now. */
const codeOf = (secret: string, steps = 0): string => codeAt(fromBase32(secret), Date.now() + steps * 30_000)
const coded = (code: string): Partial<CliOptions> => ({ env: { STRONGROOM_CODE: code } })

async function codesIn(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).trim().split('\n')
}

async function begin(device: CliDevice, options: Partial<CliOptions> = {}) {
  const begun = await device.ok(['--json', '2fa', 'enable', '--begin'], options)
  return JSON.parse(begun.stdout.toString()) as { enrolmentId: string; secret: string; uri: string }
}

const newFile = (name: string): string => join(folder, `${name}-${Math.random().toString(36).slice(2)}`)

describe('a second factor', () => {
  it('is asked for from the moment that a code was shown, and its codes work once each', async () => {
    await using phone = await CliDevice.create(server.url)
    await using laptop = await CliDevice.create(server.url)
    await phone.register('ann')
    expect((await phone.ok(['2fa'])).stdout.toString()).toBe('off\n')
    const { enrolmentId, secret, uri } = await begin(phone)
    expect(uri).toBe(`otpauth://totp/Strongroom:ann?secret=${secret}&issuer=Strongroom`)
    await laptop.login('ann')

    const file = newFile('codes')
    const enable = ['2fa', 'enable', '--confirm', enrolmentId, '--backup-file', file]
    expectFailure(await phone.run(enable, coded('000000x')), 4, /wrong, too old, or was used before/)
    await expect(stat(file)).rejects.toThrow()
    await phone.ok(enable, coded(codeOf(secret)))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const codes = await codesIn(file)
    expect(codes.length).toBe(10)
    expect((await phone.ok(['--json', '2fa', 'status'])).stdout.toString()).toContain('"backupCodesLeft": 10')
    expectFailure(await phone.run(['2fa', 'enable', '--begin']), 6, /on already/)

    expectFailure(await laptop.run(['login', 'ann']), 4, /set STRONGROOM_CODE/)
    expectFailure(await laptop.run(['login', 'ann'], { ...coded('123456'), password: 'wrong' }), 4, /password is wrong/)
    const code = codeOf(secret, 1)
    await laptop.ok(['login', 'ann'], coded(code))
    await laptop.ok(['ls', '/'])
    expectFailure(await laptop.run(['login', 'ann'], coded(code)), 4, /was used before/)

    const [first = '', second = '', third = '', fourth = ''] = codes
    await laptop.ok(['login', 'ann'], coded(first.toLowerCase().replace('-', ' ')))
    expectFailure(await laptop.run(['login', 'ann'], coded(first)), 4, /was used before/)
    const racing = await Promise.all([phone, laptop].map((device) => device.run(['login', 'ann'], coded(second))))
    expect(racing.map((result) => result.code).sort()).toEqual([0, 4])

    const fresh = await laptop.ok(['--json', '2fa', 'backup-codes'], coded(third))
    const { backupCodes } = JSON.parse(fresh.stdout.toString()) as { backupCodes: string[] }
    expectFailure(await laptop.run(['login', 'ann'], coded(fourth)), 4, /wrong/)
    expectFailure(
      await laptop.run(['2fa', 'disable'], { ...coded(backupCodes[0] ?? ''), password: 'x' }),
      4,
      /password/,
    )
    await laptop.ok(['2fa', 'disable'], coded(backupCodes[0] ?? ''))
    await phone.ok(['login', 'ann'])
    expect((await phone.ok(['2fa'])).stdout.toString()).toBe('off\n')
  })

  it.runIf(hasTerminal)('is set up on a terminal, by QR code, and asks there when signing in', async () => {
    await using device = await CliDevice.create(server.url)
    await device.register('bob')
    const script = newFile('script')
    await writeFile(script, `"${process.execPath}" "${BIN}" 2fa enable && "${process.execPath}" "${BIN}" login bob\n`)
    let secret = ''
    let backup = ''
    const screen = await runOnTerminal(script, {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        STRONGROOM_HOME: device.home,
        STRONGROOM_SERVER: server.url,
        STRONGROOM_PASSWORD: device.password,
      },
      limitMs: 120_000,
      dialogue: [
        {
          after: /secret there: ([A-Z2-7 ]+)[\s\S]*Code that it shows/,
          type: (match) => {
            secret = (match[1] ?? '').replaceAll(' ', '')
            return '000000x\r'
          },
        },
        { after: /wrong, too old[\s\S]*Code that it shows/, type: () => `${codeOf(secret)}\r` },
        {
          after: /\n([0-9A-Z]{5}-[0-9A-Z]{5})\r?\n[\s\S]*or a backup code/,
          type: (match) => {
            backup = match[1] ?? ''
            return `${backup}\r`
          },
        },
      ],
    })
    // A QR code is drawn with half blocks.
    expect(screen).toMatch(/[▀▄█]/)
    expect(screen).toContain(`Signed in to ${server.url} as bob.`)
    expect((await device.ok(['2fa'])).stdout.toString()).toBe('on, 9 backup codes left\n')
  })
})

describe('a device that is killed', () => {
  /** Runs a command and kills it with its request at the gate: before the server sees it, or before the answer. */
  async function killedAt(device: CliDevice, path: string, when: 'before' | 'after', args: string[], code: string) {
    await using gate = await startGate(server.url, (request) => request === `POST /v1/account/second-factor/${path}`)
    const profile = join(device.home, 'profile.json')
    const own = await readFile(profile, 'utf8')
    await writeFile(profile, own.replace(server.url, gate.url))
    const pins = join(device.home, 'pins.json')
    const ownPins = await readFile(pins, 'utf8')
    await writeFile(pins, ownPins.replace(server.url, gate.url))
    let kill = () => {}
    gate.guard({
      [when]: () => {
        kill()
        return 'cut'
      },
    })
    const killed = await device.run(args, {
      ...coded(code),
      server: gate.url,
      onSpawn: (child) => {
        kill = () => child.kill('SIGKILL')
      },
    })
    await writeFile(profile, own)
    await writeFile(pins, ownPins)
    expect(killed.code).toBeNull()
  }

  it('while it turns the second factor on or off has it on or off, with backup codes that are right', async () => {
    await using device = await CliDevice.create(server.url)
    await device.register('cleo')
    const begun = await begin(device)
    const file = newFile('codes')
    const enable = (path: string) => ['2fa', 'enable', '--confirm', begun.enrolmentId, '--backup-file', path]
    await killedAt(device, 'confirm', 'before', enable(file), codeOf(begun.secret))
    expect((await device.ok(['2fa'])).stdout.toString()).toBe('off\n')
    await device.ok(['login', 'cleo'])

    const again = newFile('codes')
    await killedAt(device, 'confirm', 'after', enable(again), codeOf(begun.secret))
    expect((await device.ok(['2fa'])).stdout.toString()).toBe('on, 10 backup codes left\n')
    const [one = '', two = '', three = ''] = await codesIn(again)
    await device.ok(['login', 'cleo'], coded(one))

    await killedAt(device, 'disable', 'before', ['2fa', 'disable'], two)
    expectFailure(await device.run(['login', 'cleo']), 4, /STRONGROOM_CODE/)
    await killedAt(device, 'disable', 'after', ['2fa', 'disable'], three)
    expect((await device.ok(['2fa'])).stdout.toString()).toBe('off\n')
    await device.ok(['login', 'cleo'])
  })
})
