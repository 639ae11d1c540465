import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { adminDepsOf } from '../testing/admin.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'
import { type AdminListener, callSocket, connectSocket } from './connect.ts'
import { AdminError } from './errors.ts'
import { type AdminOperation, defineOperation } from './operation.ts'
import { serveAdmin } from './serve.ts'
import { adminSocketOf } from './socket-path.ts'

const NOBODY = 65_534
const isRoot = process.platform === 'linux' && process.getuid?.() === 0

let server: TestServer
let folder: string
let stop: (() => Promise<void>) | null
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-admin-'))
  stop = null
})
afterEach(async () => {
  await stop?.()
  await rm(folder, { recursive: true, force: true })
})

const echo = defineOperation({
  name: 'echo',
  input: z.strictObject({ text: z.string(), times: z.int().max(100_000).default(1) }),
  output: z.object({ text: z.string() }),
  async run(_deps, { text, times }, call) {
    await call.progress({ begun: true })
    for (let i = 1; i < times; i += 1) await call.item(text)
    return { text }
  },
})

/** Runs until its caller is gone; says so in `ended`. */
const ended: string[] = []
const endless = defineOperation({
  name: 'endless',
  input: z.strictObject({}),
  output: z.object({}),
  async run(_deps, _input, call) {
    await call.progress('on my way')
    await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()))
    ended.push('endless')
    throw new Error('interrupted')
  },
})

const secretive = defineOperation({
  name: 'secretive',
  input: z.strictObject({}),
  output: z.object({}),
  async run() {
    throw new Error('the password is hunter2')
  },
})

const OPERATIONS: readonly AdminOperation[] = [echo, endless, secretive]

async function serve(dataDir = folder): Promise<string> {
  stop = await serveAdmin({ dataDir, operations: OPERATIONS, deps: adminDepsOf(server) })
  return adminSocketOf(dataDir)
}

async function call(path: string, operation: string, input: unknown, listener: AdminListener = {}) {
  return callSocket(await connectSocket(path), { operation, input }, listener)
}

/** What the socket answers to raw bytes, until it closes. */
async function raw(path: string, bytes: string | Buffer): Promise<string> {
  const socket = connect(path)
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text
  })
  socket.on('error', () => undefined)
  socket.write(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  return answer
}

describe('the admin socket', () => {
  it('gives results, progress and items in order, and can be called many times at once', async () => {
    const path = await serve()
    const heard: unknown[] = []
    const listener = {
      onProgress: (value: unknown) => heard.push(value),
      onItem: (value: unknown) => void heard.push(value),
    }
    expect(await call(path, 'echo', { text: 'ä', times: 3 }, listener)).toEqual({ text: 'ä' })
    expect(heard).toEqual([{ begun: true }, 'ä', 'ä'])
    const all = await Promise.all(Array.from({ length: 10 }, (_, i) => call(path, 'echo', { text: `${i}` })))
    expect(all).toEqual(Array.from({ length: 10 }, (_, i) => ({ text: `${i}` })))
  })

  it('is open to its owner only, in a folder that others may enter too', async () => {
    await chmod(folder, 0o755)
    const path = await serve()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['admin.sock'])
  })

  it.runIf(isRoot)('refuses another user of the machine', async () => {
    await chmod(folder, 0o755)
    const path = await serve()
    const script = `require('node:net').connect(${JSON.stringify(path)}).on('error', (e) => console.log(e.code)).on('connect', () => { console.log('in'); process.exit() })`
    const other = spawnSync(process.execPath, ['-e', script], { uid: NOBODY, gid: NOBODY, encoding: 'utf8', cwd: '/' })
    expect(other.stdout.trim()).toBe('EACCES')
  })

  it('takes the place of what a killed server has left, and of its half-made socket', async () => {
    const path = adminSocketOf(folder)
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script])
    expect((await stat(path)).isSocket()).toBe(true)
    await mkdir(join(folder, '.admin-abc'), { mode: 0o700 })
    await writeFile(join(folder, '.admin-abc/s'), '')
    await serve()
    expect(await call(path, 'echo', { text: 'x' })).toEqual({ text: 'x' })
    expect(await readdir(folder)).toEqual(['admin.sock'])
  })

  it('never takes the place of a living server', async () => {
    const path = await serve()
    await expect(serveAdmin({ dataDir: folder, operations: OPERATIONS, deps: adminDepsOf(server) })).rejects.toThrow(
      /another server answers/,
    )
    expect(await call(path, 'echo', { text: 'x' })).toEqual({ text: 'x' })
  })

  it('works below a path that is too long for a socket', async () => {
    const deep = join(folder, 'a'.repeat(100), 'b'.repeat(100))
    await mkdir(deep, { recursive: true, mode: 0o700 })
    const path = await serve(deep)
    expect(await call(path, 'echo', { text: 'x' })).toEqual({ text: 'x' })
    await stop?.()
    stop = null
    expect(await readdir(deep)).toEqual([])
  })

  it('is gone after its server has stopped, but not what another has put in its place', async () => {
    const path = await serve()
    await stop?.()
    await expect(stat(path)).rejects.toThrow(/ENOENT/)
    await serve()
    await rm(path)
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(path, resolve))
    await stop?.()
    stop = null
    expect((await stat(path)).isSocket()).toBe(true)
    await new Promise((resolve) => other.close(resolve))
  })

  it('ends an operation whose caller goes away, and one that runs when the server stops', async () => {
    const path = await serve()
    const gone = new AbortController()
    const call1 = call(path, 'endless', {}, { signal: gone.signal, onProgress: () => gone.abort() })
    await expect(call1).rejects.toMatchObject({ code: 'interrupted' })
    await expect.poll(() => ended.length).toBe(1)
    const call2 = call(path, 'endless', {}, { onProgress: () => void stop?.() })
    await expect(call2).rejects.toMatchObject({ name: 'AdminError', code: 'interrupted' })
    await expect.poll(() => ended.length).toBe(2)
  })

  it('tells a caller whose server dies', async () => {
    const dying = createServer((socket) => void delay(50).then(() => socket.destroy()))
    const path = adminSocketOf(folder)
    await new Promise<void>((resolve) => dying.listen(path, resolve))
    await expect(call(path, 'echo', { text: 'x' })).rejects.toMatchObject({ code: 'unavailable' })
    await new Promise((resolve) => dying.close(resolve))
    await expect(connectSocket(join(folder, 'nobody.sock'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('waits for a caller that takes its items slowly, and holds few of them', async () => {
    const path = await serve()
    let taken = 0
    const text = 'x'.repeat(10_000)
    const onItem = async () => {
      taken += 1
      if (taken % 500 === 0) await delay(5)
    }
    await call(path, 'echo', { text, times: 3_001 }, { onItem })
    expect(taken).toBe(3_000)
  })

  it('refuses what is no request, is too long, of another version or unknown', async () => {
    const path = await serve()
    const request = (more: object) => `${JSON.stringify({ version: 1, operation: 'echo', input: {}, ...more })}\n`
    expect(await raw(path, 'GET / HTTP/1.1\r\n\r\n')).toContain('"usage"')
    expect(await raw(path, '{}\n')).toContain('"usage"')
    expect(await raw(path, request({ extra: 1 }))).toContain('"usage"')
    expect(await raw(path, request({ version: 2 }))).toContain('"upgrade_required"')
    expect(await raw(path, request({ operation: 'constructor' }))).toContain('"upgrade_required"')
    expect(await raw(path, Buffer.alloc(70_000, 97))).toContain('"failed"')
    const wrong = await raw(path, request({ input: { text: 7 } }))
    expect(JSON.parse(wrong)).toMatchObject({ error: { code: 'usage', message: expect.stringContaining('text') } })
    expect(await call(path, 'echo', { text: 'still there' })).toEqual({ text: 'still there' })
  })

  it('says nothing of an error that nobody expected', async () => {
    const path = await serve()
    const failure = await call(path, 'secretive', {}).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(AdminError)
    expect(failure).toMatchObject({ code: 'failed' })
    expect(String(failure)).not.toContain('hunter2')
    expect(JSON.stringify(server.logs)).not.toContain('hunter2')
  })
})
