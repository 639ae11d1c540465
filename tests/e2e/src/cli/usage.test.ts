import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliOptions, type CliResult, runCli } from '../../../dev-env/cli.ts'
import { expectFailure } from './device.ts'

let home = ''
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strongroom-usage-'))
})
afterAll(() => rm(home, { recursive: true }))

// Reason: nothing listens on port 9 of loopback, and none of these may get as far as asking.
const run = (parameters: string[], options: Partial<CliOptions> = {}): Promise<CliResult> =>
  runCli(parameters, { home: join(home, 'profile'), server: 'http://127.0.0.1:9', cwd: home, ...options })

describe('help', () => {
  it('lists the verbs, the environment and the exit codes on stdout', async () => {
    const result = await run(['--help'])
    expect(result.code).toBe(0)
    const help = result.stdout.toString()
    const verbs = [...help.matchAll(/^ {2}([a-z]+)[ [<]/gm)].map((match) => match[1])
    expect(verbs).toEqual(
      'serve doctor register login logout whoami passwd account recovery ls mkdir cat put get mv cp rm trash restore versions verify retention find sessions audit completion state keys admin help'.split(
        ' ',
      ),
    )
    expect(help).toContain('STRONGROOM_PASSWORD_COMMAND')
    expect(help).toContain('130 interrupted')
  })

  it('is there for every verb', async () => {
    const result = await run(['put', '--help'])
    expect(result.code).toBe(0)
    expect(result.stdout.toString()).toMatch(/--conflict <mode>[\s\S]*--json/)
  })

  it('is what a call without a verb gets, with code 2', async () => {
    expect((await run([])).code).toBe(2)
  })

  it('agrees with the version in package.json', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../../../apps/cli/package.json', import.meta.url), 'utf8'))
    expect((await run(['--version'])).stdout.toString()).toBe(`${manifest.version}\n`)
  })
})

describe('bad usage is code 2 and one line:', () => {
  const cases: [string, string[], RegExp][] = [
    ['an unknown verb', ['lss'], /Did you mean ls/],
    ['an unknown option', ['ls', '--foo'], /--foo/],
    ['a verb without what it needs', ['mkdir'], /paths/],
    ['one argument too many', ['ls', '/', '/'], /Too many/],
    ['a relative remote path', ['ls', 'photos'], /try "\/photos"/],
    ['".." in a remote path', ['cat', '/a/../b'], /"\.\."/],
    ['a name of 256 bytes', ['mkdir', `/${'x'.repeat(256)}`], /255 bytes/],
    ['put without a destination', ['put', 'a'], /where/],
    ['stdin beside other sources', ['put', '-', 'a', '/x'], /stdin/],
    ['an unknown conflict mode', ['put', '-', '/x', '--conflict', 'maybe'], /keep-both/],
    ['a rate that is none', ['get', '/x', '--limit-rate', 'fast'], /500k/],
    ['too many jobs', ['get', '/x', '--jobs', '33'], /1 to 32/],
    ['a negative offset', ['cat', '/x', '--offset=-1'], /--offset/],
    ['a pattern that is not closed', ['put', '-r', '.', '/x', '--include', '[a'], /"\]"/],
    ['two files to stdout', ['get', '/a', '/b', '-'], /stdout/],
    ['JSON and content on one stdout', ['get', '/a', '-', '--json'], /--json/],
    ['two sources of one name', ['get', '/a/x', '/b/x', '.'], /same name/],
    ['a recovery key for stdout', ['register', 'bob', '--recovery-file', '-'], /--recovery-file FILE/],
    ['removing the root', ['rm', '-r', '/'], /"\/"/],
    ['a password as an argument', ['login', 'bob', '--password', 'x'], /--password/],
    ['no password and no terminal', ['login', 'bob'], /STRONGROOM_PASSWORD/],
    ['register without a terminal or a recovery file', ['register', 'bob'], /--recovery-file/],
    ['an address that is none', ['login', 'bob', '--server', 'ftp://x'], /https:\/\//],
  ]
  it.each(cases)('%s', async (_, parameters, line) => {
    expectFailure(await run(parameters), 2, line)
  })

  it('a wrong call is told where the help of its verb is', async () => {
    expectFailure(await run(['mkdir']), 2, /"strongroom mkdir --help"/)
    expectFailure(await run(['admin', 'kms', 'rotate', '--foo']), 2, /"strongroom admin kms rotate --help"/)
    expectFailure(await run(['lss']), 2, /"strongroom --help"/)
  })

  it('a folder without -r', async () => {
    expectFailure(await run(['put', '.', '/x']), 2, /add -r/)
  })

  it('two sources of the password', async () => {
    const env = { STRONGROOM_PASSWORD: 'a', STRONGROOM_PASSWORD_COMMAND: 'echo b' }
    expectFailure(await run(['login', 'bob'], { env }), 2, /both set/)
  })
})

describe('output that cannot be written', () => {
  // Reason: only some systems have a file that is always full.
  it.runIf(existsSync('/dev/full'))('is 1 and one line, however little it is', async () => {
    for (const parameters of [['--version'], ['help', 'put']]) {
      const full = await open('/dev/full', 'w')
      try {
        expectFailure(await run(parameters, { stdout: full.fd }), 1, /could not be written \(the disk is full\)/)
      } finally {
        await full.close()
      }
    }
  })
})

describe('without a session or a server', () => {
  it('verbs that need one end with 4 and say what to run', async () => {
    for (const parameters of [['ls', '/'], ['whoami'], ['logout'], ['rm', '/x']]) {
      expectFailure(await run(parameters), 4, /strongroom login/)
    }
  })

  it('a local file that is missing is told first, with 3', async () => {
    expectFailure(await run(['put', 'missing.txt', '/x']), 3, /missing\.txt/)
  })

  it('a server that is down is 7', async () => {
    expectFailure(await run(['login', 'bob'], { password: 'any password' }), 7, /server/)
  })

  it('a recovery file that exists is 6, untouched, and nothing is sent', async () => {
    const file = join(home, 'taken')
    await writeFile(file, 'mine')
    const result = await run(['register', 'bob', '--recovery-file', file], { password: 'any password' })
    expectFailure(result, 6, /never overwritten/)
    expect(await readFile(file, 'utf8')).toBe('mine')
  })

  it('a recovery file is removed when sign-up surely failed', async () => {
    const file = join(home, 'fresh')
    const result = await run(['register', 'bob', '--recovery-file', file], { password: 'any password' })
    expect(result.code).toBe(7)
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('--verbose adds causes, but no stack and no password', async () => {
    const result = await run(['login', 'bob', '--verbose'], { password: 'hunter2-hunter2' })
    expect(result.code).toBe(7)
    expect(result.stderr).toMatch(/^strongroom: [^\n]+\n( {2}caused by [^\n]+\n)+$/)
    expect(result.stderr).not.toMatch(/hunter2|\n\s+at /)
  })
})
