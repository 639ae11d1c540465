import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkoutFiles, ROOT, readText } from './checkout.ts'
import { endGroup, hasTerminal, runOnTerminal } from './terminal.ts'

const MINUTE = 60_000
const PASSWORD = 'a pass phrase of the read me'

/** Lines of the README's block that people are told to type. */
function commands(): string[] {
  const marked = /<!-- readme-test: begin -->\s*```sh\n([\s\S]*?)```\s*<!-- readme-test: end -->/.exec(
    readText('README.md'),
  )
  return (marked?.[1] ?? '').split('\n').filter((line) => line.trim() !== '')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      if (address === null || typeof address === 'string') reject(new Error('no port'))
      else probe.close(() => resolve(address.port))
    })
  })
}

/** The environment of someone who just cloned: nothing of Strongroom's, npm's or the test runner's own. */
function freshEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const unwanted =
    /^(STRONGROOM_|npm_|NODE_|VITEST|CI$|PORT$|HOST$|DATABASE_URL|BLOB_URL|KMS_URL|PUBLIC_URL|TEST$|XDG_)/
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.test(name))), ...extra }
}

describe.skipIf(!hasTerminal)('the README', () => {
  let base = ''
  let clone = ''
  let url = ''
  let environment: NodeJS.ProcessEnv = {}
  let server: ChildProcess | null = null
  let log = ''

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'strongroom-readme-'))
    clone = join(base, 'strongroom')
    for (const file of checkoutFiles()) {
      await mkdir(dirname(join(clone, file)), { recursive: true })
      await cp(join(ROOT, file), join(clone, file), { preserveTimestamps: true })
    }
    // Reason: hard links instead of a second install; what the start script compares must not be shared.
    for (const folder of ['.', 'apps/web']) {
      const modules = join(ROOT, folder, 'node_modules')
      const linked = spawnSync('cp', ['-al', modules, join(clone, folder)])
      if (linked.status !== 0) spawnSync('cp', ['-a', modules, join(clone, folder)], { stdio: 'inherit' })
    }
    await rm(join(clone, 'node_modules/.strongroom-lock'), { force: true })
    const { createHash } = await import('node:crypto')
    const lock = createHash('sha256')
      .update(await readFile(join(clone, 'package-lock.json')))
      .digest('hex')
    await writeFile(join(clone, 'node_modules/.strongroom-lock'), lock)
    const home = join(base, 'home')
    await mkdir(home)
    environment = freshEnvironment({
      HOME: home,
      npm_config_prefix: join(base, 'prefix'),
      npm_config_offline: 'true',
      PATH: `${join(base, 'prefix/bin')}:${process.env.PATH ?? ''}`,
    })
  }, 2 * MINUTE)

  afterAll(async () => {
    if (server !== null) {
      const ended = new Promise((resolve) => server?.once('close', resolve))
      endGroup(server, 'SIGTERM')
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 15_000))])
      endGroup(server)
    }
    await rm(base, { recursive: true, force: true })
  }, MINUTE)

  it('promises a server by `npm start`, which says its URL', { timeout: 2 * MINUTE }, async () => {
    expect(readText('README.md')).toMatch(/^npm start /m)
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const child = spawn('npm', ['start'], {
      cwd: clone,
      env: { ...environment, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    server = child
    await new Promise<void>((resolve, reject) => {
      const look = (chunk: Buffer): void => {
        log += chunk.toString('utf8')
        if (log.includes(url)) resolve()
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      child.once('close', (code) => reject(new Error(`npm start ended with ${code}:\n${log}`)))
    })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect(await readdir(join(clone, 'data'))).not.toEqual([])
  })

  it('gives commands that each succeed when typed as they stand', { timeout: 3 * MINUTE }, async () => {
    const lines = commands()
    expect(lines.length).toBeGreaterThan(8)
    const typed = lines.map((line) => line.replaceAll('http://127.0.0.1:8787', url))
    const file = join(base, 'typed.sh')
    await writeFile(file, typed.map((line, index) => `${line}\necho "exit of line ${index}: $?"\n`).join(''))
    const screen = await runOnTerminal(file, {
      cwd: clone,
      env: environment,
      limitMs: 2.5 * MINUTE,
      dialogue: [
        { after: /New password/, type: () => `${PASSWORD}\r` },
        { after: /same password again/, type: () => `${PASSWORD}\r` },
        { after: /((?:[0-9A-Z]{4}[- ]){7}[0-9A-Z]{4})[\s\S]*?press Enter/, type: (match) => rememberKey(match) },
        { after: /Type the recovery key/, type: () => `${recoveryKey}\r` },
      ],
    })
    const codes = [...screen.matchAll(/exit of line (\d+): (\d+)/g)].map(
      (match) => `${typed[Number(match[1])]} → ${match[2]}`,
    )
    expect(codes, screen).toEqual(typed.map((line) => `${line} → 0`))
  })

  it('gets back byte for byte what was put, times kept', async () => {
    const copy = join(clone, 'copy/letters')
    const got = (await readdir(copy, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(copy.length + 1))
    const put = ['README.md', ...checkoutFiles('docs')]
    expect(got.sort()).toEqual(put.sort())
    for (const name of put) {
      const [there, here] = [join(copy, name), join(clone, name)]
      expect((await readFile(there)).equals(await readFile(here)), name).toBe(true)
      expect(await modifiedMs(there), name).toBe(await modifiedMs(here))
    }
  })

  let recoveryKey = ''
  function rememberKey(match: RegExpExecArray): string {
    recoveryKey = match[1] ?? ''
    return '\r'
  }
})

/** Reason for not asking for `mtimeMs`: a double rounds the last nanoseconds of a millisecond up to the next one. */
async function modifiedMs(file: string): Promise<bigint> {
  return (await stat(file, { bigint: true })).mtimeNs / 1_000_000n
}
