import { describe, expect, it } from 'vitest'
import { AHEAD, pulledStream } from '../service-worker/pulled-stream.ts'
import { type Pumping, pump } from './pump.ts'

const CHUNKS = 40

/** Both ends of a download, and what became of the one that reads. */
function download(options: Partial<Pumping> & { failsAt?: number } = {}) {
  const { port1, port2 } = new MessageChannel()
  const read = { chunks: 0, isOver: false }
  async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      for (; read.chunks < CHUNKS; read.chunks += 1) {
        if (read.chunks === options.failsAt) throw new Error('lost')
        yield new Uint8Array([read.chunks])
      }
    } finally {
      read.isOver = true
    }
  }
  const abort = new AbortController()
  const ended = pump(port1, chunks(), { abort, ...options })
  // Of failures the test is told by `ended`, whenever it asks.
  ended.catch(() => undefined)
  return { read, abort, ended, reader: pulledStream(port2, () => undefined).getReader(), announce: port2 }
}

/** Until all messages that are under way have arrived. */
async function settled(read: { readonly chunks: number }): Promise<void> {
  for (let before = -1; before !== read.chunks; ) {
    before = read.chunks
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done))
  }
}

describe('a download between two workers', () => {
  it('brings all chunks in their order, tells how much was taken, and ends', async () => {
    let taken = 0
    const { reader, ended, read } = download({
      taken: (bytes) => {
        taken += bytes
      },
    })
    const seen: number[] = []
    for (let next = await reader.read(); !next.done; next = await reader.read()) seen.push(...next.value)
    expect(seen).toEqual(Array.from({ length: CHUNKS }, (_, index) => index))
    expect(await ended).toBe('done')
    expect([taken, read.isOver]).toEqual([CHUNKS, true])
  })

  it('reads no more than a few chunks ahead of whoever takes them', async () => {
    const { reader, read } = download()
    await settled(read)
    // The last one is read and waits to be asked for.
    expect(read.chunks).toBe(AHEAD - 1)
    for (let count = 0; count < 5; count += 1) await reader.read()
    await settled(read)
    expect(read.chunks).toBe(AHEAD + 5 - 1)
    await reader.cancel()
  })

  it('breaks off where reading fails, and says why on its own side only', async () => {
    const { reader, ended } = download({ failsAt: 20 })
    const all = async (): Promise<void> => {
      while (!(await reader.read()).done);
    }
    await expect(all()).rejects.toThrow('the download failed')
    await expect(ended).rejects.toThrow('lost')
  })

  it('lets go of what was read when whoever takes it has had enough', async () => {
    const { reader, ended, read, abort } = download()
    await reader.read()
    await reader.cancel()
    expect(await ended).toBe('cancelled')
    await settled(read)
    expect([read.isOver, abort.signal.aborted]).toEqual([true, true])
  })

  it('ends on both sides when it is stopped', async () => {
    let stop = (): void => undefined
    const stopped = new Promise<void>((done) => {
      stop = done
    })
    const { reader, ended, read } = download({ stopped })
    await reader.read()
    stop()
    expect(await ended).toBe('cancelled')
    const all = async (): Promise<void> => {
      while (!(await reader.read()).done);
    }
    await expect(all()).rejects.toThrow('the download failed')
    await settled(read)
    expect(read.isOver).toBe(true)
  })

  it('fails when the other end is lost', async () => {
    const { reader, ended, read, announce } = download()
    await reader.read()
    announce.close()
    expect(await ended).toBe('failed')
    await settled(read)
    expect(read.isOver).toBe(true)
  })
})
