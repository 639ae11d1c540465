import { randomBytes } from 'node:crypto'
import { checkpointHash, HEADER_LENGTH, SIGNATURE_LENGTH, splitCommit } from '@strongroom/vault/header'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commitVerifier } from '../domain/commits/verifier.ts'
import { authorCommit } from '../testing/author.ts'
import { commit, fakeWrap, registerAccount, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const sealedManifest = (length = 600) => new Uint8Array(randomBytes(length))
const hashOf = (manifest: Uint8Array) => checkpointHash(commitVerifier.hasher, manifest)
const paramsOf = (account: TestAccount) => ({ vaultId: account.state.vaultId })

/** Appends a commit that names a checkpoint of one blob. */
async function name(
  account: TestAccount,
  manifest: Uint8Array,
  change: { checkpoint?: null; seq?: number; epoch?: number; sent?: Uint8Array; named?: boolean } = {},
) {
  const { blobId } = await storeBlob(account)
  const authored = await authorCommit(account.author, account.state, {
    added: [{ blobId }],
    ...(change.named === false ? {} : { checkpointHash: await hashOf(manifest) }),
  })
  const seq = change.seq ?? account.state.head?.seq ?? 0
  const checkpoint = { seq, epoch: change.epoch ?? 1, manifest: change.sent ?? manifest }
  const body = {
    commit: authored.bytes,
    wraps: [fakeWrap(blobId)],
    ...(change.checkpoint === null ? {} : { checkpoint }),
  }
  const answer = await account.ask('commitAppend', { params: paramsOf(account), body })
  if (answer.code === 'ok') account.state = authored.next
  return answer
}

describe('checkpoints', () => {
  it('are kept as they were sent, the newest alone, under the outer layer, for members', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const read = async () => (await ann.ask('checkpointRead', { params: paramsOf(ann) })).value()
    expect(await read()).toEqual({ head: ann.state.head, checkpoint: null })
    for (const manifest of [sealedManifest(), sealedManifest(), sealedManifest(20_000)]) {
      await commit(ann)
      const seq = ann.state.head?.seq ?? 0
      expect((await name(ann, manifest)).code).toBe('ok')
      await commit(ann)
      expect(await read()).toEqual({
        head: ann.state.head,
        checkpoint: { seq, epoch: 1, manifest, namedBySeq: seq + 1 },
      })
      const rows = await server.database.selectFrom('checkpoints').select('sealed').execute()
      expect(rows.length).toBe(1)
      const stored = Buffer.from(rows[0]?.sealed ?? [])
      expect(stored.includes(Buffer.from(manifest.subarray(0, 100)))).toBe(false)
    }
    expect((await bob.ask('checkpointRead', { params: paramsOf(ann) })).code).toBe('not_found')
    await sql`UPDATE checkpoints SET named_by_seq = named_by_seq - 1`.execute(server.database)
    expect((await ann.ask('checkpointRead', { params: paramsOf(ann) })).code).toBe('stored_data_damaged')
  })

  it('travel with the commit that names them and with no other', async () => {
    const ann = await registerAccount(server)
    await commit(ann)
    const refused = async (reason: string, change: Parameters<typeof name>[2]) => {
      const answer = await name(ann, sealedManifest(), change)
      expect([answer.status, answer.code, answer.details]).toEqual([422, 'commit_rejected', { reason }])
    }
    await refused('checkpoint_missing', { checkpoint: null })
    await refused('checkpoint_not_wanted', { named: false })
    await refused('checkpoint_differs', { sent: sealedManifest() })
    await refused('checkpoint_place_wrong', { seq: 2 })
    await refused('checkpoint_place_wrong', { epoch: 2 })
    expect((await name(ann, sealedManifest())).code).toBe('ok')
  })
})

describe('headers', () => {
  it('come without bodies, and with the sections that change members', async () => {
    const ann = await registerAccount(server)
    for (let times = 0; times < 3; times += 1) await commit(ann, { bodyLength: 5000 })
    const { commits } = (await ann.ask('commitsRead', { params: paramsOf(ann), query: { from: 0 } })).value()
    const all = (await ann.ask('headersRead', { params: paramsOf(ann), query: { from: 0 } })).value()
    expect(all.head).toEqual(ann.state.head)
    expect(all.headers).toEqual(
      commits.map((bytes) => {
        const { header } = splitCommit(bytes)
        return bytes.subarray(0, HEADER_LENGTH + SIGNATURE_LENGTH + (header.membership ? header.sectionLength : 0))
      }),
    )
    const page = (await ann.ask('headersRead', { params: paramsOf(ann), query: { from: 1, limit: 2 } })).value()
    expect(page.headers).toEqual(all.headers.slice(1, 3))
    expect((await ann.ask('headersRead', { params: paramsOf(ann), query: { from: 4 } })).value().headers).toEqual([])
    const bob = await registerAccount(server)
    expect((await bob.ask('headersRead', { params: paramsOf(ann), query: { from: 0 } })).code).toBe('not_found')
  })
})
