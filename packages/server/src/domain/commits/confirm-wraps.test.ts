import { signatureMessage, wrapsConfirmationMessage } from '@strongroom/crypto/envelope'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorEpoch, signAs } from '../../testing/author.ts'
import { commit, fakeWrap, registerAccount, sha256, storeBlob, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { disableAccount, enableAccount } from '../accounts/disabled.ts'
import { removeOlderWraps } from './confirm-wraps.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const retention = { graceMs: 7 * DAY_MS }

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

async function startEpoch(account: TestAccount): Promise<void> {
  const authored = await authorEpoch(account.author, account.state)
  const { keyringVersion: expectedVersion } = (await account.ask('account', {})).value()
  const body = { commit: authored.bytes, wraps: [], keyring: { expectedVersion, sealed: account.keyring } }
  ;(await account.ask('commitAppend', { params: { vaultId: account.state.vaultId }, body })).value()
  account.state = authored.next
}

type Wrap = ReturnType<typeof fakeWrap>

/** An account with contents that are wrapped under epochs 1 and 2. */
async function rewrapped(count: number): Promise<{ account: TestAccount; blobIds: Uint8Array[]; wraps: Wrap[] }> {
  const account = await registerAccount(server)
  const blobIds: Uint8Array[] = []
  for (let at = 0; at < count; at += 1) blobIds.push((await storeBlob(account)).blobId)
  blobIds.sort(Buffer.compare)
  await commit(account, { added: blobIds.map((blobId) => ({ blobId })) })
  await startEpoch(account)
  const wraps = blobIds.map((blobId) => fakeWrap(blobId, 2))
  await account.ask('wrapsAdd', { body: { vaultId: account.state.vaultId, wraps } })
  return { account, blobIds, wraps }
}

function confirmation(account: TestAccount, wraps: readonly Wrap[], signer = account) {
  const { vaultId } = account.state
  const hashed = wraps.map(({ blobId, bytes }) => ({ blobId, sha256: sha256(bytes) }))
  const epoch = 2
  const message = signatureMessage('wraps', sha256(wrapsConfirmationMessage({ vaultId, epoch, wraps: hashed })))
  return { vaultId, epoch, wraps: hashed, signature: signAs(signer.author, message) }
}

async function epochsOf(account: TestAccount, blobIds: readonly Uint8Array[]): Promise<number[][]> {
  const body = { vaultId: account.state.vaultId, blobIds: [...blobIds] }
  const { blobs } = (await account.ask('blobsOpen', { body })).value()
  return blobs.map((blob) => blob.wraps.map((wrap) => wrap.epoch))
}

const clean = () => removeOlderWraps({ ...server, retention }, { step: async () => undefined })

describe('older wraps', () => {
  it('go after the grace, and only those of blobs whose newest wrap an owner has confirmed', async () => {
    const { account, blobIds, wraps } = await rewrapped(3)
    const body = confirmation(account, wraps.slice(0, 2))
    expect((await account.ask('wrapsConfirm', { body })).value()).toEqual({ confirmed: 2 })
    expect((await account.ask('serverKeys', {})).value().olderWraps).toBe(3)
    server.clock.advance(retention.graceMs - DAY_MS)
    // Repeated, it does not begin the grace again.
    expect((await account.ask('wrapsConfirm', { body })).value()).toEqual({ confirmed: 2 })
    expect(await clean()).toBe(0)
    server.clock.advance(DAY_MS)
    expect(await clean()).toBe(2)
    expect(await clean()).toBe(0)
    expect(await epochsOf(account, blobIds)).toEqual([[2], [2], [2, 1]])
    expect((await account.ask('serverKeys', {})).value().olderWraps).toBe(1)
    const left = await server.database
      .selectFrom('wraps')
      .select('confirmed_ms')
      .where('vault_id', '=', account.state.vaultId)
      .where('confirmed_ms', 'is not', null)
      .execute()
    expect(left).toEqual([])
  })

  it('stay where the stored newest wrap is not the one that was confirmed, or there is none', async () => {
    const { account, blobIds, wraps } = await rewrapped(1)
    const { blobId } = await storeBlob(account)
    const others = [...wraps.map((wrap) => fakeWrap(wrap.blobId, 2)), fakeWrap(blobId, 2)]
    others.sort((left, right) => Buffer.compare(left.blobId, right.blobId))
    const body = confirmation(account, others)
    expect((await account.ask('wrapsConfirm', { body })).value()).toEqual({ confirmed: 0 })
    server.clock.advance(retention.graceMs)
    expect(await clean()).toBe(0)
    expect(await epochsOf(account, blobIds)).toEqual([[2, 1]])
  })

  it('stay for who has a token and not the keys of an owner', async () => {
    const { account, blobIds, wraps } = await rewrapped(2)
    const thief = await registerAccount(server)
    const own = confirmation(account, wraps)
    const forged = confirmation(account, wraps, thief)
    const changed = { ...own, wraps: own.wraps.slice(0, 1) }
    const elsewhere = { ...own, vaultId: thief.state.vaultId }
    for (const body of [forged, changed, { ...own, signature: new Uint8Array(64) }]) {
      expect((await account.ask('wrapsConfirm', { body })).code).toBe('forbidden')
    }
    expect((await thief.ask('wrapsConfirm', { body: elsewhere })).code).toBe('forbidden')
    expect((await thief.ask('wrapsConfirm', { body: own })).code).toBe('not_found')
    const reversed = { ...own, wraps: [...own.wraps].reverse() }
    expect((await account.ask('wrapsConfirm', { body: reversed })).code).toBe('bad_request')
    server.clock.advance(retention.graceMs)
    expect(await clean()).toBe(0)
    expect(await epochsOf(account, blobIds)).toEqual([
      [2, 1],
      [2, 1],
    ])
  })

  it('of a disabled account stay, and have the rest of their grace once it is enabled', async () => {
    const { account, blobIds, wraps } = await rewrapped(1)
    const { accountId } = account.author
    await account.ask('wrapsConfirm', { body: confirmation(account, wraps) })
    await disableAccount(server, accountId)
    server.clock.advance(2 * retention.graceMs)
    expect(await clean()).toBe(0)
    await enableAccount(server, accountId)
    server.clock.advance(retention.graceMs - DAY_MS)
    expect(await clean()).toBe(0)
    server.clock.advance(DAY_MS)
    expect(await clean()).toBe(1)
    expect(await epochsOf(account, blobIds)).toEqual([[2]])
  })

  it('are confirmed by the newest epoch alone', async () => {
    const { account, wraps } = await rewrapped(1)
    await startEpoch(account)
    const body = confirmation(account, wraps)
    expect((await account.ask('wrapsConfirm', { body })).code).toBe('head_moved')
  })
})
