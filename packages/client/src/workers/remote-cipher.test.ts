import { asBlobId, contentLayout, generateDek, MIN_PART_SIZE } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../content/memory-source.ts'
import type { FromWorker, ToWorker } from './content-protocol.ts'
import { remoteCipher } from './remote-cipher.ts'
import type { StartWorker } from './remote-worker.ts'

const GIB = 1024 ** 3

/** Which workers are given parts of a file so large; they answer with nothing in them. */
async function workersFor(size: number): Promise<Set<number>> {
  const asked = new Set<number>()
  let started = 0
  const start: StartWorker = ({ message }) => {
    const name = started
    started += 1
    const post = (data: unknown) => {
      const task = data as ToWorker // What the cipher posts.
      if (task.type !== 'part') return
      asked.add(name)
      const { output, task: number } = task
      const answer = { task: number, bytes: output.subarray(0, 0), sha256: new Uint8Array(32), mac: new Uint8Array(16) }
      message({ ...answer, ciphertext: null } satisfies FromWorker)
    }
    return { post, busy: () => undefined, end: async () => undefined }
  }
  const engine = nodeEngine()
  const cipher = remoteCipher(engine, start, { shared: true })
  const source = { ...memorySource(new Uint8Array(0), 0), size, local: { path: 'file', identity: '' } }
  const encryptor = await cipher.encryptor({
    source,
    layout: contentLayout(size),
    dek: generateDek(engine),
    blobId: asBlobId(engine.randomBytes(16)),
    macKey: engine.randomBytes(32),
  })
  for (let index = 0; index < 6; index += 1) await encryptor.macPart(index)
  await encryptor.close()
  await cipher.close()
  return asked
}

describe('workers that encrypt', () => {
  it('share the parts of the usual size, and leave larger ones to one of them, which holds a whole one', async () => {
    expect(await workersFor(MIN_PART_SIZE * 6)).toEqual(new Set([0, 1]))
    for (const size of [100, 600]) expect((await workersFor(size * GIB)).size).toBe(1)
  })
})
