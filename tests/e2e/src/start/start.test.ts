import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevServerError, startDevServer } from '../../../dev-env/server.ts'
import { isAlive, postmasterPid, query } from './postgres.ts'

/** The one line with which a server that must not start ends. */
async function refusal(options: Parameters<typeof startDevServer>[0]): Promise<{ code: number | null; line: string }> {
  const error: unknown = await startDevServer(options).then(
    (server) => server.stop(),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof DevServerError)) throw new Error('the server started')
  const lines = error.output.trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  return { code: error.exitCode, line: lines[0] ?? '' }
}

describe('starting', () => {
  let folder: string
  let dataDir: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'strongroom-start-'))
    dataDir = path.join(folder, 'data')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('needs nothing but an empty folder, and says address, data, what to back up and what to do next', async () => {
    const server = await startDevServer({ dataDir })
    try {
      const healthy = await fetch(`${server.url}/readyz`)
      expect(healthy.status).toBe(200)
      const lines = server.logs().split('\n')
      expect(lines).toContain(`Strongroom serves ${server.url}`)
      expect(lines).toContain(`Data folder: ${dataDir}`)
      expect(server.logs()).toMatch(/^Back up.*keys\.json/m)
      expect(server.logs()).toMatch(/^Without the key file nothing opens/m)
      expect(server.logs()).toContain(`Next: STRONGROOM_SERVER=${server.url} npx strongroom register`)
      expect((await stat(dataDir)).mode & 0o077).toBe(0)
      expect((await readdir(dataDir)).sort()).toEqual(['admin.sock', 'blobs', 'keys.json', 'postgres'])
    } finally {
      expect(await server.stop()).toBe(0)
    }
  })

  it('runs a database that is durable, in UTF-8, and listens nowhere on the network', async () => {
    const server = await startDevServer({ dataDir })
    try {
      const settings = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
        current_setting('listen_addresses') AS listen, current_setting('server_encoding') AS encoding,
        (SELECT datlocprovider::text || ':' || datlocale FROM pg_database WHERE datname = current_database()) AS locale`
      expect(await query(dataDir, settings)).toEqual([
        { fsync: 'on', commit: 'on', listen: '', encoding: 'UTF8', locale: 'b:C.UTF-8' },
      ])
    } finally {
      await server.stop()
    }
  })

  it('starts again on the same folder and stops its database with it', async () => {
    for (let round = 0; round < 3; round += 1) {
      const server = await startDevServer({ dataDir })
      const pid = postmasterPid(dataDir)
      expect(await server.stop()).toBe(0)
      expect(isAlive(pid)).toBe(false)
    }
  })

  it('refuses a second server on the folder, and the first goes on', async () => {
    const server = await startDevServer({ dataDir })
    try {
      const { code, line } = await refusal({ dataDir })
      expect(code).toBe(1)
      expect(line).toContain(`Another Strongroom server is running on the data folder ${dataDir}`)
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    } finally {
      await server.stop()
    }
  })

  it('lets exactly one of two servers win that start on an empty folder at the same moment', async () => {
    const raced = path.join(folder, 'raced')
    const results = await Promise.allSettled([startDevServer({ dataDir: raced }), startDevServer({ dataDir: raced })])
    const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    try {
      expect(started).toHaveLength(1)
      const [server] = started
      expect((await fetch(`${server?.url}/readyz`)).status).toBe(200)
    } finally {
      for (const server of started) await server.stop()
    }
  })

  it('says in one line that the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    try {
      const { code, line } = await refusal({ dataDir, port })
      expect(code).toBe(1)
      expect(line).toBe(
        `strongroom: Port ${port} on 127.0.0.1 is in use; stop what uses it, or set PORT to another (0 takes a free one).`,
      )
    } finally {
      other.close()
    }
  })

  it('says in one line which setting is wrong, with exit code 2', async () => {
    const { code, line } = await refusal({ dataDir, env: { QUOTA_BYTES: 'much' } })
    expect(code).toBe(2)
    expect(line).toMatch(/^strongroom: QUOTA_BYTES /)
  })

  it('refuses a key file that others may read', async () => {
    const file = path.join(dataDir, 'keys.json')
    await chmod(file, 0o644)
    try {
      const { line } = await refusal({ dataDir })
      expect(line).toBe(`strongroom: The key file ${file} can be read by others; run: chmod 600 ${file}`)
    } finally {
      await chmod(file, 0o600)
    }
  })

  it('lets requests end after the first signal, and ends at once at a second, later one', async () => {
    const server = await startDevServer({ dataDir })
    // A request that never ends: its body does not come.
    const controller = new AbortController()
    const hanging = fetch(`${server.url}/v1/blobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{')) }),
      duplex: 'half',
      signal: controller.signal,
    } as RequestInit).catch(() => null)
    await delay(300)
    const stopping = server.stop()
    await delay(1_300)
    if (isAlive(server.pid)) process.kill(server.pid, 'SIGTERM')
    const code = await stopping
    expect([0, 143]).toContain(code)
    controller.abort()
    await hanging
    const again = await startDevServer({ dataDir })
    await again.stop()
  })

  it('works in a folder that is deeper than a socket path may be long', async () => {
    const deep = path.join(folder, 'd'.repeat(100), 'e'.repeat(100))
    for (const round of [1, 2]) {
      const server = await startDevServer({ dataDir: deep })
      expect((await fetch(`${server.url}/readyz`)).status, `round ${round}`).toBe(200)
      await server.stop()
    }
  })

  it('refuses blobs whose database is gone, and starts once it is back', async () => {
    const postgres = path.join(dataDir, 'postgres')
    await rename(postgres, path.join(folder, 'aside'))
    const { code, line } = await refusal({ dataDir })
    expect(code).toBe(1)
    expect(line).toMatch(/blobs but no database: put its folder postgres back from the backup/)
    expect(await readdir(dataDir)).not.toContain('postgres')
    await rename(path.join(folder, 'aside'), postgres)
    expect(await (await startDevServer({ dataDir })).stop()).toBe(0)
  })

  it('refuses the database of another major version, with the way out', async () => {
    const version = path.join(dataDir, 'postgres/cluster/PG_VERSION')
    await writeFile(version, '17\n')
    const { code, line } = await refusal({ dataDir })
    expect(code).toBe(1)
    expect(line).toMatch(/made by PostgreSQL 17, and this release brings 18: start it with the release .* DATABASE_URL/)
    await writeFile(version, '18\n')
    await (await startDevServer({ dataDir })).stop()
  })

  it('refuses a cluster that it did not finish', async () => {
    const marker = path.join(dataDir, 'postgres/cluster/strongroom-cluster')
    await rm(marker)
    const { line } = await refusal({ dataDir })
    expect(line).toContain('holds something that Strongroom did not make')
    await writeFile(marker, '1\n')
  })

  it('says that the key file is another one, and does not invite where nobody can register', async () => {
    const keyed = path.join(folder, 'keyed')
    const first = await startDevServer({ dataDir: keyed, env: { REGISTRATION: 'closed' } })
    expect(first.logs()).toMatch(/^Next: start with REGISTRATION=open/m)
    await first.stop()
    await rm(path.join(keyed, 'keys.json'))
    const { code, line } = await refusal({ dataDir: keyed })
    expect(code).toBe(1)
    expect(line).toContain(`${path.join(keyed, 'keys.json')} lacks the key`)
  })

  it('refuses a data folder where a file is in its place', async () => {
    const file = path.join(folder, 'a-file')
    await writeFile(file, '')
    const { code, line } = await refusal({ dataDir: file })
    expect(code).toBe(1)
    expect(line).toContain(file)
  })

  it.skipIf(process.platform !== 'linux')('refuses a place where no folder can be made', async () => {
    const { code, line } = await refusal({ dataDir: '/proc/strongroom/data' })
    expect(code).toBe(1)
    expect(line).toContain('place /proc/strongroom cannot be made')
  })

  it('says in one line that the server of DATABASE_URL cannot be reached', async () => {
    const { code, line } = await refusal({
      dataDir: path.join(folder, 'external'),
      env: { DATABASE_URL: 'postgres://someone:secret@127.0.0.1:1/nowhere' },
    })
    expect(code).toBe(1)
    expect(line).toContain('DATABASE_URL')
    expect(line).not.toContain('secret')
  })
})
