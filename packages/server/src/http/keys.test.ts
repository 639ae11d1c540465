import { randomBytes } from 'node:crypto'
import { keyringChangeMessage, signatureMessage } from '@strongroom/crypto/envelope'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuthoredCommit, authorCommit, authorEpoch, createAuthor, signAs } from '../testing/author.ts'
import { commit, fakeWrap, registerAccount, sha256, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const bytes = (length: number) => new Uint8Array(randomBytes(length))

function append(account: TestAccount, authored: AuthoredCommit, more: { keyring?: Keyring; card?: Uint8Array } = {}) {
  const params = { vaultId: account.state.vaultId }
  return account.ask('commitAppend', { params, body: { commit: authored.bytes, wraps: [], ...more } })
}

interface Keyring {
  expectedVersion: number
  sealed: Uint8Array
}

async function keyringOf(account: TestAccount) {
  const { keyring, keyringVersion } = (await account.ask('account', {})).value()
  return { keyring, keyringVersion }
}

describe('an epoch commit', () => {
  it('brings the keyring that knows its key, in one transaction', async () => {
    const ann = await registerAccount(server)
    const sealed = bytes(600)
    const epoch = await authorEpoch(ann.author, ann.state)
    const stale = await append(ann, epoch, { keyring: { expectedVersion: 2, sealed } })
    expect([stale.status, stale.code]).toEqual([409, 'versions_moved'])
    expect((await ann.ask('vaultHead', { params: { vaultId: ann.state.vaultId } })).value().seq).toBe(0)
    const keyring = { expectedVersion: 1, sealed }
    expect((await append(ann, epoch, { keyring })).value()).toEqual(epoch.next.head)
    expect(await keyringOf(ann)).toEqual({ keyring: sealed, keyringVersion: 2 })
    // A lost answer: the same bytes get the same answer, and the keyring is not stored twice.
    expect((await append(ann, epoch, { keyring })).value()).toEqual(epoch.next.head)
    expect(await keyringOf(ann)).toEqual({ keyring: sealed, keyringVersion: 2 })
    const row = await server.database
      .selectFrom('vaults')
      .select('epoch')
      .where('id', '=', ann.state.vaultId)
      .executeTakeFirstOrThrow()
    expect(row.epoch).toBe(2)
  })

  it('that loses the race leaves the keyring alone', async () => {
    const ann = await registerAccount(server)
    const rivals = await Promise.all([1, 2, 3, 4].map(() => authorEpoch(ann.author, ann.state)))
    const sealed = rivals.map(() => bytes(600))
    const answers = await Promise.all(
      rivals.map((rival, index) =>
        append(ann, rival, { keyring: { expectedVersion: 1, sealed: sealed[index] ?? bytes(1) } }),
      ),
    )
    const won = answers.findIndex((answer) => answer.code === 'ok')
    expect(answers.filter((answer) => answer.code === 'head_moved').length).toBe(3)
    expect(await keyringOf(ann)).toEqual({ keyring: sealed[won], keyringVersion: 2 })
  })

  it('is found among headers by itself', async () => {
    const ann = await registerAccount(server)
    await commit(ann)
    const epoch = await authorEpoch(ann.author, ann.state)
    ;(await append(ann, epoch)).value()
    ann.state = epoch.next
    await commit(ann)
    const params = { vaultId: ann.state.vaultId }
    const { head, headers } = (await ann.ask('headersRead', { params, query: { from: 0, only: 'membership' } })).value()
    expect(head).toEqual(ann.state.head)
    expect(headers.length).toBe(2)
    for (const [index, full] of [ann.genesis, epoch.bytes].entries()) {
      expect(full.subarray(0, headers[index]?.length)).toEqual(headers[index])
    }
    expect((await ann.ask('headersRead', { params, query: { from: 3, only: 'membership' } })).value().headers).toEqual(
      [],
    )
  })

  it('is the only kind that may bring a keyring', async () => {
    const ann = await registerAccount(server)
    const keyring = { expectedVersion: 1, sealed: bytes(600) }
    const refused = await append(ann, await authorCommit(ann.author, ann.state), { keyring })
    expect(refused.details.reason).toBe('keyring_not_wanted')
    expect((await keyringOf(ann)).keyringVersion).toBe(1)
  })
})

describe('a new card', () => {
  it('comes with the commit that lists it, signed by the card before', async () => {
    const ann = await registerAccount(server)
    const next = await createAuthor(ann.author)
    const change = await authorEpoch(ann.author, ann.state, next)
    const reason = async (authored: AuthoredCommit, card?: Uint8Array) =>
      (await append(ann, authored, card === undefined ? {} : { card })).details.reason
    expect(await reason(change)).toBe('card_missing')
    expect(await reason(await authorEpoch(ann.author, ann.state), next.card.bytes)).toBe('card_not_wanted')
    const foreign = await createAuthor({ ...ann.author, seed: bytes(32) })
    expect(await reason(await authorEpoch(ann.author, ann.state, foreign), foreign.card.bytes)).toBe('card_differs')
    expect(await reason(change, foreign.card.bytes)).toBe('card_differs')
    const first = await createAuthor()
    expect(await reason(change, first.card.bytes)).toBe('card_differs')
    ;(await append(ann, change, { card: next.card.bytes })).value()
    const row = await server.database
      .selectFrom('accounts')
      .select(['card', 'card_hash'])
      .where('id', '=', ann.author.accountId)
      .executeTakeFirstOrThrow()
    expect([new Uint8Array(row.card), new Uint8Array(row.card_hash)]).toEqual([next.card.bytes, next.card.hash])
    const old = await append(ann, await authorCommit(ann.author, change.next))
    expect(old.details.reason).toBe('author_not_allowed')
    ;(await append(ann, await authorCommit(next, change.next))).value()
  })
})

function signedKeyring({ author }: TestAccount, expectedVersion: number) {
  const sealed = bytes(600)
  const change = { accountId: author.accountId, version: expectedVersion + 1, sha256: sha256(sealed) }
  const signature = signAs(author, signatureMessage('keyring-change', sha256(keyringChangeMessage(change))))
  return { expectedVersion, sealed, signature }
}

describe('replacing the keyring', () => {
  it('is a compare-and-swap on its version', async () => {
    const ann = await registerAccount(server)
    const rivals = [1, 2, 3, 4].map(() => signedKeyring(ann, 1))
    const answers = await Promise.all(rivals.map((body) => ann.ask('keyringReplace', { body })))
    const won = answers.findIndex((answer) => answer.code === 'ok')
    expect(answers[won]?.value()).toEqual({ keyringVersion: 2 })
    expect(answers.filter((answer) => answer.code === 'versions_moved').length).toBe(3)
    expect(await keyringOf(ann)).toEqual({ keyring: rivals[won]?.sealed, keyringVersion: 2 })
  })

  it('takes the signature of the account for this very keyring: a token alone destroys no keys', async () => {
    const [ann, thief] = [await registerAccount(server), await registerAccount(server)]
    const before = await keyringOf(ann)
    const own = signedKeyring(ann, 1)
    const refused = [
      { ...own, signature: new Uint8Array(64) },
      { ...own, signature: signedKeyring(thief, 1).signature },
      { ...own, sealed: bytes(600) },
      { ...own, signature: signedKeyring(ann, 2).signature },
    ]
    for (const body of refused) expect((await ann.ask('keyringReplace', { body })).code).toBe('forbidden')
    expect((await ann.ask('keyringReplace', { body: signedKeyring(ann, 2) })).code).toBe('versions_moved')
    expect(await keyringOf(ann)).toEqual(before)
    expect((await ann.ask('keyringReplace', { body: own })).code).toBe('ok')
  })
})

describe('adding wraps', () => {
  it('takes those of the newest epoch, and replaces none', async () => {
    const ann = await registerAccount(server)
    const { blobId } = await storeBlob(ann)
    const { wraps } = await commit(ann, { added: [{ blobId }] })
    const { vaultId } = ann.state
    const early = await ann.ask('wrapsAdd', { body: { vaultId, wraps: [fakeWrap(blobId, 2)] } })
    expect([early.code, early.details]).toEqual(['head_moved', { seq: 1 }])
    const epoch = await authorEpoch(ann.author, ann.state)
    ;(await append(ann, epoch)).value()
    ann.state = epoch.next
    const late = await ann.ask('wrapsAdd', { body: { vaultId, wraps: [fakeWrap(blobId, 1)] } })
    expect(late.code).toBe('head_moved')
    const newer = fakeWrap(blobId, 2)
    const add = async (...given: ReturnType<typeof fakeWrap>[]) =>
      (await ann.ask('wrapsAdd', { body: { vaultId, wraps: given } })).value().added
    const unknown = fakeWrap((await storeBlob(ann)).blobId, 2)
    expect(await add(newer, newer, unknown)).toBe(1)
    expect(await add(fakeWrap(blobId, 2))).toBe(0)
    const opened = (await ann.ask('blobsOpen', { body: { vaultId, blobIds: [blobId] } })).value()
    expect(opened.blobs[0]?.wraps).toEqual([newer, ...wraps])
  })

  it('is for writers of the vault', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const { blobId } = await storeBlob(ann)
    await commit(ann, { added: [{ blobId }] })
    const body = { vaultId: ann.state.vaultId, wraps: [fakeWrap(blobId, 1)] }
    expect((await bob.ask('wrapsAdd', { body })).code).toBe('not_found')
    await server.database
      .insertInto('members')
      .values({ vault_id: ann.state.vaultId, account_id: bob.author.accountId, role: 'reader', state: 'active' })
      .execute()
    expect((await bob.ask('wrapsAdd', { body })).code).toBe('forbidden')
  })
})
