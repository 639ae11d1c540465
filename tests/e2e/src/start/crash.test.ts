import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { descendants, isAlive, postmasterPid, query, untilGone } from './postgres.ts'

const linux = process.platform === 'linux'

describe('after a crash', () => {
  let dataDir: string
  let written = 0

  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'strongroom-crash-'))
    const server = await startDevServer({ dataDir })
    await query(dataDir, 'CREATE TABLE crash_test (n integer)')
    await server.stop()
  })
  afterAll(() => rm(dataDir, { recursive: true, force: true }))

  async function write(): Promise<void> {
    await query(dataDir, `INSERT INTO crash_test VALUES (${written})`)
    written += 1
  }

  async function expectAllRows(): Promise<void> {
    expect(await query(dataDir, 'SELECT count(*)::integer AS n FROM crash_test')).toEqual([{ n: written }])
  }

  async function startWriting(): Promise<{ server: DevServer; postgres: number }> {
    const server = await startDevServer({ dataDir })
    await expectAllRows()
    for (let count = 0; count < 20; count += 1) await write()
    return { server, postgres: postmasterPid(dataDir) }
  }

  it('kill -9 of the server ends its database within moments, and nothing is lost', async () => {
    const { server, postgres } = await startWriting()
    await server.kill9()
    expect(await untilGone(postgres)).toBeLessThan(5_000)
    const again = await startDevServer({ dataDir })
    await expectAllRows()
    await again.stop()
  })

  it('starts at once after kill -9, while the old database is still ending', async () => {
    const { server } = await startWriting()
    await server.kill9()
    const again = await startDevServer({ dataDir })
    await expectAllRows()
    await again.stop()
  })

  it.runIf(linux)('kill -9 of server, guard and database loses nothing', async () => {
    const { server } = await startWriting()
    for (const pid of [server.pid, ...descendants(server.pid)]) {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
    await server.kill9()
    const again = await startDevServer({ dataDir })
    await expectAllRows()
    await again.stop()
  })

  it.runIf(linux)('stops a database whose server and guard were killed, and takes over', async () => {
    const { server, postgres } = await startWriting()
    const keep = new Set([postgres, ...descendants(postgres)])
    for (const pid of [server.pid, ...descendants(server.pid)]) {
      if (!keep.has(pid) && isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
    await server.kill9()
    await delay(300)
    expect(isAlive(postgres)).toBe(true)
    const again = await startDevServer({ dataDir })
    expect(isAlive(postgres)).toBe(false)
    await expectAllRows()
    await again.stop()
  })

  it('ends with exit code 1 and one line when its database is killed', async () => {
    const { server, postgres } = await startWriting()
    process.kill(postgres, 'SIGKILL')
    await untilGone(server.pid)
    expect(await server.stop()).toBe(1)
    expect(server.logs()).toMatch(/^strongroom: The server stopped: /m)
    const again = await startDevServer({ dataDir })
    await expectAllRows()
    await again.stop()
  })

  it.runIf(linux)('goes on, and goes on refusing a second server, when a process of its database crashes', async () => {
    const { server, postgres } = await startWriting()
    try {
      const [victim = 0] = descendants(postgres)
      process.kill(victim, 'SIGKILL')
      await untilGone(victim)
      const deadline = Date.now() + 20_000
      const ready = async () => (await fetch(`${server.url}/readyz`)).status === 200
      while (!(await ready()) && Date.now() < deadline) await delay(100)
      await delay(500)
      await expect.poll(ready, { timeout: 20_000, interval: 100 }).toBe(true)
      await expectAllRows()
      const second = await startDevServer({ dataDir }).catch((thrown: unknown) => thrown)
      expect(second).toMatchObject({ output: expect.stringContaining('Another Strongroom server is running') })
      await expectAllRows()
    } finally {
      await server.stop()
    }
  })

  it('survives a kill at any moment of its first start', async () => {
    for (const afterMs of [150, 300, 450, 700]) {
      const fresh = path.join(dataDir, `fresh-${afterMs}`)
      await startDevServer({
        dataDir: fresh,
        onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), afterMs),
      }).then(
        (server) => server.kill9(),
        () => undefined,
      )
      const server = await startDevServer({ dataDir: fresh })
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
      await server.stop()
    }
  })
})
