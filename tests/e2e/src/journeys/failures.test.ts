import { existsSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice, type CliResult } from '../../../dev-env/cli.ts'
import { disposables, hashOf, temporaryFolder, writeSparse } from './files.ts'
import { bytesFrom } from './seeded-bytes.ts'
import { ServerProcess } from './server-process.ts'
import { mountSmallDisk } from './small-disk.ts'

const MIB = 1024 * 1024

/** A clear end: one line for the user, no stack. */
function expectClearLine(result: CliResult): void {
  expect(result.stderr).toMatch(/^strongroom: .+[.!]\n$/)
  expect(result.stderr).not.toMatch(/\n\s+at |node:internal|Error:/)
}

async function waitFor(what: string, condition: () => boolean | Promise<boolean>, limitMs = 120_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Bytes of all files below a folder; what vanishes meanwhile counts nothing. */
async function bytesBelow(folder: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue
    sum += await stat(join(entry.parentPath, entry.name)).then(
      (found) => found.size,
      () => 0,
    )
  }
  return sum
}

describe('a server killed in the middle of an upload', () => {
  const stack = disposables()
  const kept = bytesFrom(1, 3 * MIB)
  let server: ServerProcess
  let device: CliDevice
  let folder = ''
  let source = ''

  beforeAll(async () => {
    folder = stack.use(await temporaryFolder()).path
    server = stack.use(await ServerProcess.start())
    device = stack.use(await CliDevice.create(server.url))
    await device.register('killed@example.org')
    await device.ok(['put', '--quiet', '-', '/acknowledged'], { input: kept })
    source = join(folder, 'source')
    await writeSparse(source, 64 * MIB)
  })

  afterAll(() => stack.dispose())

  async function putUntilHalf(): Promise<{ result: Promise<CliResult> }> {
    const before = await bytesBelow(join(server.data, 'blobs'))
    const result = device.run(['put', '--quiet', '--limit-rate', '16MiB', source, '/interrupted'])
    await waitFor('the upload has begun', async () => (await bytesBelow(join(server.data, 'blobs'))) > before + 8 * MIB)
    return { result }
  }

  it('leaves the client with code 7 and one clear line, and what was acknowledged intact', async () => {
    const { result } = await putUntilHalf()
    await server.kill()
    const ended = await result
    expect(ended.code).toBe(7)
    expectClearLine(ended)
    await server.startAgain()
    const read = await device.ok(['cat', '/acknowledged'])
    expect(read.stdout.equals(Buffer.from(kept))).toBe(true)
    const gone = await device.run(['cat', '/interrupted'])
    expect(gone.code).toBe(3)
  })

  it('lets the client finish when it comes back soon', async () => {
    const { result } = await putUntilHalf()
    await server.kill()
    await server.startAgain()
    const ended = await result
    expect(ended.stderr).toBe('')
    expect(ended.code).toBe(0)
    await device.ok(['get', '--quiet', '/interrupted', join(folder, 'back')])
    expect(await hashOf(join(folder, 'back'))).toBe(await hashOf(source))
  })

  it('loses no commit that it acknowledged, killed again and again', async () => {
    for (let round = 0; round < 3; round += 1) {
      await device.ok(['put', '--quiet', '-', `/round ${round}`], { input: `round ${round}` })
      await server.kill()
      await server.startAgain()
    }
    for (let round = 0; round < 3; round += 1) {
      const read = await device.ok(['cat', `/round ${round}`])
      expect(read.stdout.toString('utf8')).toBe(`round ${round}`)
    }
  })
})

describe('a client in the middle of a download', () => {
  const stack = disposables()
  let device: CliDevice
  let folder = ''
  let source = ''

  beforeAll(async () => {
    folder = stack.use(await temporaryFolder()).path
    const server = stack.use(await ServerProcess.start())
    device = stack.use(await CliDevice.create(server.url))
    await device.register('client@example.org')
    source = join(folder, 'source')
    await writeSparse(source, 48 * MIB)
    await device.ok(['put', '--quiet', source, '/file'])
  })

  afterAll(() => stack.dispose())

  /** Gets the file slowly and sends the signal once a part of it has come. */
  async function getInterrupted(target: string, signal: NodeJS.Signals): Promise<CliResult> {
    await mkdir(target)
    return device.run(['get', '--quiet', '--limit-rate', '16MiB', '/file', join(target, 'file')], {
      onSpawn: (child) => {
        void waitFor('the download has begun', async () => (await bytesBelow(target)) >= 8 * MIB).then(() => {
          child.kill(signal)
        })
      },
    })
  }

  it('killed, leaves nothing under the final name, and the next one succeeds', async () => {
    const target = join(folder, 'killed')
    const killed = await getInterrupted(target, 'SIGKILL')
    expect(killed.code).toBeNull()
    expect(existsSync(join(target, 'file'))).toBe(false)
    await device.ok(['get', '--quiet', '/file', join(target, 'file')])
    expect(await hashOf(join(target, 'file'))).toBe(await hashOf(source))
  })

  it('interrupted by Ctrl-C, ends with 130 and leaves nothing but a hidden part to go on from', async () => {
    const target = join(folder, 'interrupted')
    const ended = await getInterrupted(target, 'SIGINT')
    expect(ended.code).toBe(130)
    const left = await readdir(target)
    expect(left.filter((name) => !/^\.strongroom-[0-9a-f]+\.part$/.test(name))).toEqual([])
  })

  it('with a full disk, ends with code 1, one clear line, and nothing left', async (context) => {
    const disk = mountSmallDisk(24)
    if (disk === null) return context.skip('mounting a small disk needs Linux and root')
    await using _disk = disk
    const refused = await device.run(['get', '--quiet', '/file', join(disk.path, 'file')])
    expect(refused.code).toBe(1)
    expectClearLine(refused)
    expect(await readdir(disk.path)).toEqual([])
  })
})

describe('a full disk under the server', () => {
  it('refuses with one clear line, keeps what was acknowledged, and goes on', async (context) => {
    const disk = mountSmallDisk(160)
    if (disk === null) return context.skip('mounting a small disk needs Linux and root')
    await using _disk = disk
    await using folder = await temporaryFolder()
    await using server = await ServerProcess.start({ data: join(disk.path, 'data') })
    await using device = await CliDevice.create(server.url)
    await device.register('full@example.org')
    const kept = bytesFrom(3, 2 * MIB)
    await device.ok(['put', '--quiet', '-', '/kept'], { input: kept })
    const source = join(folder.path, 'source')
    await writeSparse(source, 200 * MIB)
    const begunMs = Date.now()
    const refused = await device.run(['put', '--quiet', source, '/too large'])
    expect(refused.code).toBe(8)
    expectClearLine(refused)
    expect(Date.now() - begunMs, 'no retries where retrying cannot help').toBeLessThan(30_000)
    const listed = await device.ok(['ls', '/'])
    expect(listed.stdout.toString('utf8')).not.toContain('too large')
    const read = await device.ok(['cat', '/kept'])
    expect(read.stdout.equals(Buffer.from(kept))).toBe(true)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    const stopMs = Date.now()
    await server.stop()
    expect(Date.now() - stopMs, 'no connection is left hanging').toBeLessThan(20_000)
  })
})
