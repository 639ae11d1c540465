import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { asBlobId, contentLayout, generateDek, partPlaintextRange } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentThreads } from './content-threads.ts'
import { fileSource } from './file-source.ts'
import { opaqueThread } from './opaque-thread.ts'
import { STARTED_AHEAD, startAhead, startThread } from './thread.ts'

const engine = nodeEngine()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-threads-'))
  await build({
    entryPoints: ['content-worker', 'opaque-worker'].map((name) =>
      fileURLToPath(new URL(`./${name}.ts`, import.meta.url)),
    ),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  })
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const entry = (name: string) => pathToFileURL(join(folder, `${name}.mjs`))

describe('contentThreads', () => {
  const size = 30_000_000

  async function prepared(name: string) {
    const path = join(folder, name)
    const plaintext = engine.randomBytes(size)
    await writeFile(path, plaintext)
    const cipher = contentThreads(engine, entry('content-worker'))
    const layout = contentLayout(size)
    const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)), layout }
    const encryptor = await cipher.encryptor({ ...content, source: await fileSource(path) })
    return { path, plaintext, cipher, layout, content, encryptor }
  }

  it('encrypt a file and decrypt it again, reusing buffers', async () => {
    const { plaintext, cipher, layout, content, encryptor } = await prepared('a')
    const decryptor = await cipher.decryptor({ ...content, header: encryptor.header })
    for (let round = 0; round < 2; round += 1) {
      const indexes = Array.from({ length: layout.partCount }, (_, index) => index)
      await Promise.all(
        indexes.map(async (index) => {
          const part = await encryptor.encryptPart(index)
          const lent = decryptor.lend(part.bytes.length)
          lent.set(part.bytes)
          part.release()
          const opened = await decryptor.decryptPart(index, lent, part.sha256)
          const { offset, length } = partPlaintextRange(layout, index)
          expect(Buffer.compare(opened.bytes, plaintext.subarray(offset, offset + length))).toBe(0)
          opened.release()
        }),
      )
    }
    expect(await encryptor.isSourceUnchanged()).toBe(true)
    await encryptor.close()
    await decryptor.close()
    await cipher.close()
  })

  it('stop at a part that was changed', async () => {
    const { cipher, content, encryptor } = await prepared('b')
    const decryptor = await cipher.decryptor({ ...content, header: encryptor.header })
    const part = await encryptor.encryptPart(1)
    const lent = decryptor.lend(part.bytes.length)
    lent.set(part.bytes)
    lent[5] = (lent[5] ?? 0) ^ 1
    await expect(decryptor.decryptPart(1, lent, part.sha256)).rejects.toMatchObject({ code: 'integrity' })
    const forged = part.bytes.slice()
    forged[5] = (forged[5] ?? 0) ^ 1
    await expect(decryptor.decryptPart(1, forged, await engine.sha256(forged))).rejects.toMatchObject({
      code: 'integrity',
    })
    await encryptor.close()
    await decryptor.close()
    await cipher.close()
  })

  it('notice a source that changed', async () => {
    const { path, cipher, encryptor } = await prepared('c')
    await writeFile(path, engine.randomBytes(size))
    await expect(encryptor.encryptPart(2)).rejects.toMatchObject({ code: 'source_changed' })
    expect(await encryptor.isSourceUnchanged()).toBe(false)
    await encryptor.close()
    await cipher.close()
  })

  it.skipIf(process.platform === 'win32')('wait for no writer of a pipe that came into its place', async () => {
    const path = join(folder, 'e')
    await writeFile(path, engine.randomBytes(size))
    const source = await fileSource(path)
    const open = async () => {
      const file = await source.open()
      await rm(path)
      execFileSync('/usr/bin/env', ['mkfifo', path])
      return file
    }
    const cipher = contentThreads(engine, entry('content-worker'))
    const content = { dek: generateDek(engine), blobId: asBlobId(engine.randomBytes(16)), layout: contentLayout(size) }
    let isWaitedFor = false
    const writer = setTimeout(() => {
      isWaitedFor = true
      openSync(path, 'r+')
    }, 4000)
    const encryptor = await cipher.encryptor({ ...content, source: { ...source, open } })
    await expect(encryptor.encryptPart(0)).rejects.toMatchObject({ code: 'local_io' })
    clearTimeout(writer)
    expect(isWaitedFor).toBe(false)
    await encryptor.close()
    await cipher.close()
  })

  it('refuse a header that is not of this key', async () => {
    const { cipher, content, encryptor } = await prepared('d')
    const dek = generateDek(engine)
    await expect(cipher.decryptor({ ...content, dek, header: encryptor.header })).rejects.toMatchObject({
      code: 'integrity',
    })
    await encryptor.close()
    await cipher.close()
  })
})

describe('opaqueThread', () => {
  it('runs OPAQUE, passes on its errors, ends, and starts again', async () => {
    const opaque = opaqueThread(entry('opaque-worker'))
    for (let round = 0; round < 2; round += 1) {
      const start = await opaque.startRegistration('password')
      expect(start.request).toMatch(/^[A-Za-z0-9_-]+$/)
      const answer = { response: 'AAAA', serverIdentifier: 'x', stretching: 'argon2id-32' as const }
      const finish = { password: 'password', state: start.state, ...answer }
      await expect(opaque.finishRegistration(finish)).rejects.toMatchObject({ code: 'integrity' })
      await opaque.close()
    }
  })

  it('knows what memory it can have', async () => {
    const opaque = opaqueThread(entry('opaque-worker'))
    expect([await opaque.hasMemory(36), await opaque.hasMemory(1024 * 1024)]).toEqual([true, false])
    await opaque.close()
  })
})

describe('startThread', () => {
  /** Number of the thread that answers; null for one that ends. */
  function numberOf(worker: URL): Promise<unknown> {
    return new Promise((resolve) => {
      const thread = startThread(worker)({
        message: (data) => void thread.end().then(() => resolve(data)),
        ended: () => resolve(null),
      })
      thread.post('', [])
    })
  }

  async function script(name: string, text: string): Promise<URL> {
    await writeFile(join(folder, name), text)
    return pathToFileURL(join(folder, name))
  }

  it('takes a thread that was started ahead, once', async () => {
    const lines = ["import { parentPort, threadId } from 'node:worker_threads'"]
    lines.push("parentPort.on('message', () => parentPort.postMessage(threadId))")
    const worker = await script('number.mjs', lines.join('\n'))
    const before = Number(await numberOf(worker))
    startAhead(worker)
    expect(await numberOf(worker)).toBe(before + 1)
    expect(await numberOf(worker)).toBe(before + 2)
  })

  it('takes a thread that was started before anything was loaded, and another where that has ended', async () => {
    const lines = ["import { parentPort, threadId, workerData } from 'node:worker_threads'"]
    lines.push("if (workerData === 'ending') process.exit(0)")
    lines.push("parentPort.on('message', () => parentPort.postMessage(threadId))")
    const worker = await script('before.mjs', lines.join('\n'))
    const started = new Worker(worker, { workerData: STARTED_AHEAD })
    const { threadId } = started
    startAhead(worker, started)
    expect(await numberOf(worker)).toBe(threadId)
    const ended = new Worker(worker, { workerData: 'ending' })
    await once(ended, 'exit')
    startAhead(worker, ended)
    expect(await numberOf(worker)).toBeGreaterThan(threadId)
  })

  it('tells who asks when one that was started ahead has ended', async () => {
    for (const text of ['process.exit(1)', "throw new Error('broken')"]) {
      const worker = await script('ending.mjs', text)
      startAhead(worker)
      expect(await numberOf(worker)).toBeNull()
    }
  })
})
