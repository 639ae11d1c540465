import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { FileSource, StreamSource } from '../ports.ts'
import { openStream } from './stream-source.ts'

const MIB = 1024 * 1024

function collectAll(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

function stream(sizes: readonly number[], closed: () => void = () => undefined): StreamSource {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    // One buffer for all, as a careless source has.
    const buffer = new Uint8Array(Math.max(0, ...sizes))
    try {
      for (const [index, size] of sizes.entries()) yield buffer.fill(index + 1).subarray(0, size)
    } finally {
      closed()
    }
  }
  return { kind: 'stream', mtimeMs: 5, mode: 0o600, chunks }
}

async function bytesOf(source: FileSource): Promise<Uint8Array> {
  if (source.kind === 'seekable') {
    const target = new Uint8Array(source.size)
    const open = await source.open()
    expect(await open.read(0, target)).toBe(source.size)
    return target
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of source.chunks()) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

const expected = (sizes: readonly number[]) => Buffer.concat(sizes.map((size, index) => Buffer.alloc(size, index + 1)))

describe('openStream', () => {
  it.each([[[]], [[0]], [[1]], [[3, 0, 5]], [[2 * MIB, 2 * MIB]]])(
    'keeps a short stream in memory: %j',
    async (sizes) => {
      const source = await openStream(stream(sizes), undefined)
      expect(source).toMatchObject({ kind: 'seekable', mtimeMs: 5, mode: 0o600 })
      for (let times = 0; times < 2; times += 1) {
        expect(Buffer.compare(await bytesOf(source), expected(sizes))).toBe(0)
      }
    },
  )

  it.each([[[4 * MIB + 1]], [[MIB, 9 * MIB, 1, 0, 2 * MIB]]])('passes a long one on, whole: %j', async (sizes) => {
    const source = await openStream(stream(sizes), undefined)
    expect(source).toMatchObject({ kind: 'stream', mtimeMs: 5 })
    expect(Buffer.compare(await bytesOf(source), expected(sizes))).toBe(0)
  })

  it('waits for bytes no longer than its caller, before and after the first', async () => {
    for (const first of [0, 5 * MIB]) {
      async function* silent(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(first)
        await new Promise(() => undefined)
      }
      const signal = AbortSignal.timeout(30)
      const opening = openStream({ kind: 'stream', mtimeMs: 0, chunks: silent }, signal)
      await expect(opening.then(bytesOf)).rejects.toMatchObject({ code: 'aborted' })
    }
  })

  it('closes a stream that is not read to its end, and passes its failure on', async () => {
    let closed = false
    const source = await openStream(
      stream([5 * MIB, 5, 5], () => {
        closed = true
      }),
      undefined,
    )
    if (source.kind !== 'stream') throw new Error('a long stream stays one')
    for await (const _ of source.chunks()) break
    await expect.poll(() => closed).toBe(true)
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1)
      throw new Error('broken pipe')
    }
    await expect(openStream({ kind: 'stream', mtimeMs: 0, chunks: broken }, undefined)).rejects.toThrow('broken pipe')
  })

  it('does not hold chunks that were taken', async () => {
    const refs: WeakRef<Uint8Array>[] = []
    const source: StreamSource = {
      kind: 'stream',
      mtimeMs: 0,
      async *chunks() {
        for (let index = 0; index < 100; index += 1) {
          const chunk = new Uint8Array(64 * 1024)
          refs.push(new WeakRef(chunk))
          yield chunk
        }
      },
    }
    const opened = await openStream(source, undefined)
    if (opened.kind !== 'stream') throw new Error('longer than what is kept')
    let held = -1
    for await (const _ of opened.chunks()) {
      if (refs.length < 100) continue
      // References are cleared in another task only.
      await new Promise((done) => setImmediate(done))
      collectAll()
      held = refs.filter((ref) => ref.deref() !== undefined).length
    }
    expect(held).toBeGreaterThanOrEqual(0)
    expect(held).toBeLessThan(5)
  })
})
