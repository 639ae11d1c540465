import { toHex } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { describe, expect, it } from 'vitest'
import { ClientError } from '../errors.ts'
import { memoryStore } from '../platform/browser/memory-store.ts'
import type { StateStore } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { askAhead, withAhead } from './ahead.ts'
import { advanceHead, updatePins } from './pins.ts'

const vaultId = nodeEngine().randomBytes(16)

/** A server whose answers tell how many it has given. */
function countingApi(fails = false): Api & { readonly asked: number } {
  let asked = 0
  return {
    server: 'https://files.example.org',
    get asked() {
      return asked
    },
    async call() {
      asked += 1
      if (fails) throw new ClientError('network', 'The server cannot be reached.')
      return { commits: [], head: { seq: asked, hash: new Uint8Array(32) } } as never // As `commitsRead` answers.
    },
  }
}

async function pin(store: StateStore, seq: number): Promise<void> {
  await updatePins(store, (pins) => advanceHead(pins, toHex(vaultId), { seq, hash: String(seq) }))
}

const read = (api: Api, from: number, vault = vaultId) =>
  api.call('commitsRead', { params: { vaultId: vault }, query: { from } })

async function seenBy(fails = false) {
  const store = memoryStore()
  await pin(store, 4)
  const server = countingApi(fails)
  const ahead = await askAhead(server, store, vaultId, undefined)
  return { store, server, api: withAhead(server, ahead, store) }
}

describe('what was asked for ahead', () => {
  it('is the answer to the first question that is the same, once', async () => {
    const { api, server } = await seenBy()
    expect(server.asked).toBe(1)
    expect((await read(api, 5)).head.seq).toBe(1)
    expect((await read(api, 5)).head.seq).toBe(2)
    expect(server.asked).toBe(2)
  })

  it('is left for another page or another vault, and after any other call', async () => {
    for (const [from, vault] of [
      [4, vaultId],
      [5, nodeEngine().randomBytes(16)],
    ] as const) {
      const { api } = await seenBy()
      expect((await read(api, from, vault)).head.seq).toBe(2)
      expect((await read(api, 5)).head.seq).toBe(3)
    }
    const { api } = await seenBy()
    await api.call('vaultHead', { params: { vaultId }, query: {} })
    expect((await read(api, 5)).head.seq).toBe(3)
  })

  it('is left once another process of the device has seen more, so that it cannot look like a rollback', async () => {
    const { api, store } = await seenBy()
    await pin(store, 5)
    expect((await read(api, 5)).head.seq).toBe(2)
  })

  it('is asked for again when it failed, and not at all by a device that has seen nothing', async () => {
    const { api, server } = await seenBy(true)
    await expect(read(api, 5)).rejects.toMatchObject({ code: 'network' })
    expect(server.asked).toBe(2)
    expect(await askAhead(server, memoryStore(), vaultId, undefined)).toBeNull()
    expect(server.asked).toBe(2)
  })
})
