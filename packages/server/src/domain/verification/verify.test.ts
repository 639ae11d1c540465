import { randomBytes } from 'node:crypto'
import { rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { administer } from '../../testing/admin.ts'
import { collect, DAY_MS, sweep } from '../../testing/collection.ts'
import { commit, randomId, registerAccount, sha256, storeBlob, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { hex } from '../bytes.ts'
import type { Problem } from './problem.ts'

let server: TestServer
let ann: TestAccount
let blobId: Uint8Array
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
  await registerAccount(server)
  blobId = (await storeBlob(ann)).blobId
  await commit(ann, { added: [{ blobId, count: 2 }] })
  const other = await storeBlob(ann)
  await commit(ann, { added: [{ blobId: other.blobId }], released: [{ blobId, count: 1 }] })
  await commit(ann, { released: [{ blobId: other.blobId }] })
  await storeBlob(ann)
})
afterAll(() => server.close())

async function verify(input: object = { deep: true, keys: true }) {
  const { items, result, progress } = await administer(server, 'verify', input)
  return {
    problems: items as unknown as Problem[],
    progress: progress as unknown as { part: string; place: string }[],
    result: result as { problems: number; examined: Record<string, number>; store: Record<string, number> | null },
  }
}

/** Breaks something, looks, and mends it. */
async function broken(change: () => Promise<unknown>, mend: () => Promise<unknown>): Promise<Problem[]> {
  await change()
  try {
    return (await verify()).problems
  } finally {
    await mend()
  }
}

const run = (statement: ReturnType<typeof sql>) => statement.execute(server.database)
const objectFile = (id: Uint8Array) => path.join(server.folder, 'blobs', 'objects', hex(id).slice(0, 2), hex(id))
const account = () => hex(ann.author.accountId)
const vault = () => hex(ann.state.vaultId)

describe('admin verify', () => {
  it('finds nothing wrong where nothing is', async () => {
    const { problems, result } = await verify()
    expect(problems).toEqual([])
    expect(result).toMatchObject({ problems: 0, frozen: 0, examined: { accounts: 2, vaults: 2, sealed: 2, blobs: 3 } })
    expect(result.store).toMatchObject({ objects: 3, withoutRow: 0, deleted: 0 })
    expect((await verify({})).result).toMatchObject({ problems: 0, frozen: null })
  })

  it('goes on at the place that an earlier run has told, and refuses others', async () => {
    const { progress } = await verify()
    const place = progress.find(({ part }) => part === 'vaults')?.place ?? ''
    expect(place).toMatch(/^vaults:[0-9a-f]{32}$/)
    const { result } = await verify({ after: place })
    expect(result.examined).toMatchObject({ accounts: 0, vaults: 1, blobs: 3 })
    for (const after of ['nothing', 'vaults:12', '', 'vaults:']) {
      await expect(verify({ after }), after).rejects.toMatchObject({ code: 'usage' })
    }
  })

  it('finds objects that are gone, cut, or changed in one bit', async () => {
    const file = objectFile(blobId)
    const { bytes } = await readObject(blobId)
    const about = { account: account(), blob: hex(blobId) }
    const put = () => writeFile(file, bytes)
    expect(await broken(() => rm(file), put)).toEqual([{ kind: 'object_missing', ...about }])
    const cut = await broken(() => truncate(file, bytes.length - 1), put)
    expect(cut).toEqual([{ kind: 'object_length', ...about, expected: bytes.length, found: bytes.length - 1 }])
    const flipped = Buffer.from(bytes)
    flipped[7] = (flipped[7] ?? 0) ^ 1
    expect(await broken(() => writeFile(file, flipped), put)).toEqual([{ kind: 'object_damaged', ...about, part: 0 }])
    await writeFile(file, flipped)
    expect((await verify({})).problems).toEqual([])
    await put()
    expect((await verify()).problems).toEqual([])
  })

  it('finds counts, states, charges and digest lists that do not add up', async () => {
    const about = { account: account(), blob: hex(blobId) }
    const change = (set: string, back: string) =>
      broken(
        () => run(sql`UPDATE blobs SET ${sql.raw(set)} WHERE id = ${blobId}`),
        () => run(sql`UPDATE blobs SET ${sql.raw(back)} WHERE id = ${blobId}`),
      )
    expect(await change('reference_count = 2', 'reference_count = 1')).toEqual([
      { kind: 'reference_count', ...about, expected: 1, found: 2 },
    ])
    expect(await change("state = 'stored'", "state = 'live'")).toEqual([{ kind: 'blob_state', ...about, found: 1 }])
    expect(await change("digests = digests || '\\x00'", 'digests = substring(digests FOR 32)')).toEqual([
      { kind: 'digest_list', ...about, found: 1 },
    ])
    expect(await change('charged_bytes = charged_bytes + 1', 'charged_bytes = charged_bytes - 1')).toMatchObject([
      { kind: 'usage', account: account() },
    ])
  })

  it('finds references that differ from what the commits say, and keys that are gone', async () => {
    const vaultId = ann.state.vaultId
    const where = sql`vault_id = ${vaultId} AND blob_id = ${blobId}`
    const about = { vault: vault(), blob: hex(blobId) }
    const found = await broken(
      async () => {
        await run(sql`UPDATE blob_references SET count = 3 WHERE ${where}`)
        await run(sql`UPDATE blobs SET reference_count = 3 WHERE id = ${blobId}`)
      },
      async () => {
        await run(sql`UPDATE blob_references SET count = 1 WHERE ${where}`)
        await run(sql`UPDATE blobs SET reference_count = 1 WHERE id = ${blobId}`)
      },
    )
    expect(found).toEqual([{ kind: 'references', ...about, expected: 1, found: 3 }])
    await run(sql`CREATE TABLE kept AS SELECT * FROM wraps WHERE ${where}`)
    const back = () => run(sql`INSERT INTO wraps SELECT * FROM kept`)
    expect(await broken(() => run(sql`DELETE FROM wraps WHERE ${where}`), back)).toEqual([
      { kind: 'wrap_missing', ...about },
    ])
    const change = () => run(sql`UPDATE wraps SET sealed = sealed || '\\x00' WHERE ${where}`)
    const mend = () => run(sql`UPDATE wraps w SET sealed = k.sealed FROM kept k WHERE w.blob_id = k.blob_id`)
    expect(await broken(change, mend)).toEqual([{ kind: 'sealed_damaged', account: account(), table: 'wraps' }])
    await run(sql`DROP TABLE kept`)
  })

  it('finds commits that were changed, left out, or hidden behind another head', async () => {
    const vaultId = ann.state.vaultId
    const where = sql`vault_id = ${vaultId} AND seq = 1`
    await run(sql`CREATE TABLE kept AS SELECT * FROM commits WHERE vault_id = ${vaultId}`)
    const back = async () => {
      await run(sql`DELETE FROM commits WHERE vault_id = ${vaultId}`)
      await run(sql`INSERT INTO commits SELECT * FROM kept`)
    }
    const flip = sql`UPDATE commits SET bytes = set_byte(bytes, 340, get_byte(bytes, 340) # 1) WHERE ${where}`
    expect(await broken(() => run(flip), back)).toEqual([{ kind: 'commit_damaged', vault: vault(), seq: 1 }])
    const signature = sql`UPDATE commits SET bytes = set_byte(bytes, 300, get_byte(bytes, 300) # 1) WHERE ${where}`
    expect(await broken(() => run(signature), back)).toEqual([{ kind: 'commit_damaged', vault: vault(), seq: 1 }])
    expect(await broken(() => run(sql`DELETE FROM commits WHERE ${where}`), back)).toEqual([
      { kind: 'commit_missing', vault: vault(), seq: 1 },
    ])
    const head = (hash: ReturnType<typeof sql>) => run(sql`UPDATE vaults SET head_hash = ${hash} WHERE id = ${vaultId}`)
    const wrong = await broken(
      () => head(sql`${Buffer.alloc(32)}`),
      () => head(sql`(SELECT hash FROM commits WHERE vault_id = ${vaultId} ORDER BY seq DESC LIMIT 1)`),
    )
    expect(wrong).toEqual([{ kind: 'head', vault: vault(), seq: 3 }])
    await run(sql`DROP TABLE kept`)
  })

  it('finds accounts of another setup, without their outer key, or with a changed audit log', async () => {
    const id = ann.author.accountId
    const setup = (value: Uint8Array) => run(sql`UPDATE accounts SET setup_id = ${value} WHERE id = ${id}`)
    const strange = await broken(
      () => setup(randomBytes(16)),
      () => setup(server.setup.id),
    )
    expect(strange).toEqual([{ kind: 'setup', account: account() }])
    const version = (from: number, to: number) =>
      run(sql`ALTER TABLE keyrings DISABLE TRIGGER USER`).then(() =>
        run(sql`UPDATE keyrings SET outer_version = ${to} WHERE account_id = ${id} AND outer_version = ${from}`),
      )
    const keyless = await broken(
      () => version(1, 9),
      () => version(9, 1),
    )
    expect(keyless).toEqual([
      { kind: 'outer_key_missing', account: account(), table: 'keyrings' },
      { kind: 'sealed_damaged', account: account(), table: 'keyrings' },
    ])
    const audit = await broken(
      () => run(sql`UPDATE audit_entries SET time_ms = time_ms + 1 WHERE account_id = ${id} AND seq = 1`),
      () => run(sql`UPDATE audit_entries SET time_ms = time_ms - 1 WHERE account_id = ${id} AND seq = 1`),
    )
    expect(audit).toEqual([{ kind: 'audit', account: account(), seq: 1 }])
  })

  it('tells objects that nobody knows from those that were left too long', async () => {
    const left = randomId()
    const bytes = randomBytes(100)
    await server.objects.putWhole(left, bytes, sha256(bytes))
    expect((await verify()).result).toMatchObject({ problems: 0, store: { withoutRow: 1 } })
    await sweep(server)
    const rows = sql`UPDATE orphans SET seen_ms = ${server.clock.nowMs() - 11 * DAY_MS} WHERE blob_id = ${left}`
    await run(rows)
    expect((await verify()).problems).toEqual([{ kind: 'object_left', blob: hex(left) }])
    await server.objects.delete(left)
  })

  it('reports nothing of what is being collected', async () => {
    server.clock.advance(8 * DAY_MS)
    await collect(server)
    server.clock.advance(8 * DAY_MS)
    await collect(server)
    const { problems, result } = await verify()
    expect(problems).toEqual([])
    expect(result.store).toMatchObject({ objects: 1, deleted: 0 })
  })
})

async function readObject(id: Uint8Array): Promise<{ bytes: Buffer }> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await server.objects.read(id)) chunks.push(chunk)
  return { bytes: Buffer.concat(chunks) }
}
