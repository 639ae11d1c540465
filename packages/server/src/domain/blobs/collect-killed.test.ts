import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collect, DAY_MS, sweep, usedBytes } from '../../testing/collection.ts'
import {
  commit,
  PART_SIZE,
  randomId,
  registerAccount,
  storeBlob,
  type TestAccount,
} from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'

const COLLECTOR = fileURLToPath(new URL('../../testing/collector-process.ts', import.meta.url))
const SOAK = process.env.STRONGROOM_SOAK === '1'
const ROUNDS = SOAK ? 50 : 6
const EACH = 8
/** From nothing done to nearly all done, in steps that repeat. */
const momentMs = (round: number) => (round * 61) % 250

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

/** Runs a collector and kills it so many milliseconds after it began; true when it had ended by itself. */
async function killedAfter(ms: number): Promise<boolean> {
  const parameters = [server.databaseUrl, path.join(server.folder, 'blobs'), String(server.clock.nowMs())]
  const child = spawn(process.execPath, ['--import', 'tsx', COLLECTOR, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  await delay(ms)
  child.kill('SIGKILL')
  const [code] = await closed
  return code === 0
}

/** Uploads that were begun and left, with a part. */
async function leaveUpload(): Promise<Uint8Array> {
  const blobId = randomId()
  await ann.ask('blobsReserve', { body: { blobs: [{ blobId, blobLength: 600, partSize: PART_SIZE }] } })
  const part = { blobId, index: 0, length: 600, sha256: new Uint8Array(randomBytes(32)) }
  await ann.ask('blobsParts', { body: { parts: [part] } })
  return blobId
}

/** What no moment may show: a blob in use without its object, or an object of which nothing reminds. */
async function expectWhole(): Promise<void> {
  const rows = await server.database.selectFrom('blobs').select(['id', 'state', 'object_removed']).execute()
  for (const { id, state, object_removed: removed } of rows) {
    const found = await server.objects.stat(id)
    if (state === 'live' || state === 'condemned' || state === 'stored') expect(found, state).toEqual({ length: 600 })
    if (state === 'deleted' && removed) expect(found).toBeNull()
  }
}

describe('a collector killed at any moment', () => {
  it(
    'leaves neither a live blob without object nor a forgotten object',
    async () => {
      const live: Uint8Array[] = []
      let ended = 0
      for (let round = 0; round < ROUNDS; round += 1) {
        const blobs = await Promise.all(Array.from({ length: 3 * EACH }, () => storeBlob(ann)))
        const ids = blobs.map(({ blobId }) => blobId)
        const [kept, released] = [ids.slice(0, EACH), ids.slice(EACH, 2 * EACH)]
        await commit(ann, { added: [...kept, ...released].map((blobId) => ({ blobId })) })
        await commit(ann, { released: released.map((blobId) => ({ blobId })) })
        for (let times = 0; times < EACH / 2; times += 1) await leaveUpload()
        live.push(...kept)
        server.clock.advance(8 * DAY_MS)
        if (await killedAfter(momentMs(round))) ended += 1
        await expectWhole()
      }
      expect(ended).toBeLessThan(ROUNDS)
      server.clock.advance(8 * DAY_MS)
      await collect(server)
      server.clock.advance(8 * DAY_MS)
      await collect(server)
      await sweep(server)
      await expectWhole()
      const rows = await server.database.selectFrom('blobs').select(['state', 'object_removed']).execute()
      expect(rows.filter((row) => row.state === 'live').length).toBe(live.length)
      expect(rows.every((row) => row.state === 'live' || (row.state === 'deleted' && row.object_removed))).toBe(true)
      expect(await usedBytes(server, ann.author.accountId)).toBe(live.length * 600)
      const uploads: Uint8Array[] = []
      for await (const { blobId } of server.store.listUploads()) uploads.push(blobId)
      expect(uploads).toEqual([])
    },
    SOAK ? 600_000 : 120_000,
  )
})
