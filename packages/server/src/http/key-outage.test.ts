import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uploadPreparation } from '../domain/keys/upload-preparation.ts'
import { type KeyManagement, KeyManagementError } from '../ports/index.ts'
import { ask } from '../testing/api.ts'
import { commit, logIn, registerAccount, startLogin, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'
import { codeAt } from '../testing/totp-code.ts'

const MINUTE_MS = 60_000

/** Wraps a key service that can be taken away. */
function awayable(keys: KeyManagement) {
  const state: { error: KeyManagementError | null } = { error: null }
  const guard =
    <Parameters extends unknown[], Result>(call: (...parameters: Parameters) => Promise<Result>) =>
    async (...parameters: Parameters): Promise<Result> => {
      if (state.error !== null) throw state.error
      return call(...parameters)
    }
  const wrapped: KeyManagement = {
    ...keys,
    wrap: guard(keys.wrap),
    unwrap: guard(keys.unwrap),
    createKey: guard(keys.createKey),
    check: guard(keys.check),
  }
  return { keys: wrapped, state }
}

let base: TestServer
let server: TestServer
let state: { error: KeyManagementError | null }
let ann: TestAccount
let blobIds: Uint8Array[]
beforeAll(async () => {
  base = await createTestServer()
  const awayed = awayable(base.keys)
  state = awayed.state
  server = await createTestServer({ beside: { ...base, keys: awayed.keys } })
  ann = await registerAccount(server)
  blobIds = [(await storeBlob(ann)).blobId]
  await commit(ann, { added: blobIds.map((blobId) => ({ blobId })) })
})
afterAll(async () => {
  await server.close()
  await base.close()
})

const openBody = () => ({ body: { vaultId: ann.state.vaultId, blobIds } })

/** Requests that need an outer key which is in nobody's memory. */
function needing(): Record<string, () => Promise<{ status: number; code: string; headers: Record<string, unknown> }>> {
  const fresh = async <T>(request: () => Promise<T>): Promise<T> => {
    server.outer.clear()
    return request()
  }
  return {
    account: () => fresh(() => ann.ask('account', {})),
    open: () => fresh(() => ann.ask('blobsOpen', openBody())),
    login: () => fresh(() => logIn(server, ann.login, ann.password)),
    ready: async () => {
      const response = await server.app.inject({ url: '/readyz' })
      return { status: response.statusCode, code: response.json().code ?? 'ok', headers: response.headers }
    },
  }
}

describe('a key service that is away', () => {
  it('makes what needs it answer 503 with Retry-After, while all else goes on; and it recovers by itself', async () => {
    state.error = new KeyManagementError('unavailable', 'away')
    for (const [name, request] of Object.entries(needing())) {
      const answer = await request()
      expect([answer.status, answer.code], name).toEqual([503, 'unavailable'])
      expect(Number(answer.headers['retry-after']), name).toBeGreaterThan(0)
    }
    await expect(registerAccount(server)).rejects.toThrow(/unavailable/)
    const { vaultId } = ann.state
    expect((await ann.ask('vaultHead', { params: { vaultId } })).code).toBe('ok')
    expect((await ann.ask('commitsRead', { params: { vaultId }, query: { from: 0 } })).code).toBe('ok')
    expect((await ann.ask('sessionsList', {})).code).toBe('ok')
    await storeBlob(ann)
    state.error = null
    server.clock.advance(1_000)
    for (const [name, request] of Object.entries(needing())) expect((await request()).code, name).toBe('ok')
    await registerAccount(server)
  })

  it('lets a login end that it interrupted: the same third message gets its answer later', async () => {
    const { loginId, finishLoginRequest } = await startLogin(server, ann.login, ann.password)
    const body = { loginId, request: finishLoginRequest ?? '' }
    server.outer.clear()
    state.error = new KeyManagementError('unavailable', 'away')
    for (let tries = 0; tries < 2; tries += 1) {
      expect((await ask(server.app, 'loginFinish', { body })).code).toBe('unavailable')
    }
    state.error = null
    expect((await ask(server.app, 'loginFinish', { body })).code).toBe('ok')
    expect((await ask(server.app, 'loginFinish', { body })).code).toBe('login_failed')
  })

  it('uses up no code of a second factor, no try and no proof', async () => {
    const bob = await registerAccount(server)
    const proof = async () => {
      const { loginId, finishLoginRequest } = await startLogin(server, bob.login, bob.password)
      return { loginId, request: finishLoginRequest ?? '' }
    }
    const { enrolmentId, secret } = (await bob.ask('secondFactorBegin', { body: { proof: await proof() } })).value()
    const codeNow = () => codeAt(secret, server.clock.nowMs())
    const backupCodes = Array.from({ length: 10 }, (_, index) => `ABCDE0000${index}`)
    const confirmed = { body: { enrolmentId, code: codeNow(), backupCodes } }
    const signIn = async (code: string) => {
      const ticket = (await ask(server.app, 'loginFinish', { body: await proof() })).value()
      if (!('secondFactor' in ticket)) throw new Error('no second factor was asked for')
      return () => ask(server.app, 'loginSecondFactor', { body: { ticket: ticket.secondFactor, code } })
    }
    const recover = (code: string) => async () =>
      ask(server.app, 'recoveryOpen', { body: { login: bob.login, auth: bob.recoveryAuth, code } })
    const disable = async (code: string) => {
      const body = { proof: await proof(), code }
      return () => bob.ask('secondFactorDisable', { body })
    }
    const confirm = async () => () => bob.ask('secondFactorConfirm', confirmed)
    const renew = (code: string) => async () => bob.ask('secondFactorCodes', { body: { code, backupCodes: other } })
    const other = backupCodes.map((code) => `Z${code.slice(1)}`)
    const flows = [
      confirm,
      () => signIn(codeNow()),
      () => signIn('ABCDE-00001'),
      async () => recover(codeNow()),
      async () => recover('ABCDE-00002'),
      async () => renew(codeNow()),
      () => disable(codeNow()),
    ]
    for (const [index, begin] of flows.entries()) {
      server.clock.advance(MINUTE_MS)
      const body = index === 0 ? { ...confirmed.body, code: codeNow() } : confirmed.body
      confirmed.body = body
      const show = await begin()
      server.outer.clear()
      state.error = new KeyManagementError('unavailable', 'away')
      for (let tries = 0; tries < 8; tries += 1) expect((await show()).code, `flow ${index}`).toBe('unavailable')
      state.error = null
      expect((await show()).code, `flow ${index}`).toBe('ok')
    }
  })

  it('is not needed for five minutes by who was served a moment ago', async () => {
    server.outer.clear()
    await ann.ask('account', {})
    state.error = new KeyManagementError('unavailable', 'away')
    server.clock.advance(4 * MINUTE_MS)
    expect((await ann.ask('account', {})).code).toBe('ok')
    server.clock.advance(MINUTE_MS)
    expect((await ann.ask('account', {})).code).toBe('unavailable')
    state.error = null
    expect((await ann.ask('account', {})).code).toBe('ok')
  })
})

describe('a key that an operator disabled', () => {
  it('freezes its accounts within five minutes, until it is enabled again', async () => {
    const keyId = await base.keys.currentKeyId()
    await ann.ask('account', {})
    await base.keys.disable(keyId)
    server.clock.advance(5 * MINUTE_MS)
    for (const name of ['account', 'open', 'login'] as const) {
      const answer = await needing()[name]?.()
      expect([answer?.status, answer?.code], name).toEqual([403, 'keys_frozen'])
      expect(answer?.headers['retry-after'], name).toBeUndefined()
    }
    const { vaultId } = ann.state
    expect((await ann.ask('vaultHead', { params: { vaultId } })).code).toBe('ok')
    await base.keys.enable(keyId)
    expect((await ann.ask('account', {})).code).toBe('ok')
  })
})

describe('the scope per-user', () => {
  it('gives an account its own key at its first upload, or fails that upload alone', async () => {
    const deps = { ...server, outerKeys: server.outer }
    const scoped = await createTestServer({
      beside: server,
      prepareUpload: uploadPreparation(deps, 'per-user'),
    })
    const keyOf = async (accountId: Uint8Array) =>
      server.database
        .selectFrom('outer_keys')
        .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
        .select(['version', 'kms_keys.account_id as own'])
        .where('outer_keys.account_id', '=', accountId)
        .execute()
    const bob = await registerAccount(scoped)
    expect(await keyOf(bob.author.accountId)).toMatchObject([{ version: 1, own: null }])
    state.error = new KeyManagementError('unavailable', 'away')
    await expect(storeBlob(bob)).rejects.toThrow(/unavailable/)
    state.error = null
    expect((await bob.ask('account', {})).code).toBe('ok')
    const { blobId } = await storeBlob(bob)
    expect(await keyOf(bob.author.accountId)).toMatchObject([{ version: 2, own: Buffer.from(bob.author.accountId) }])
    await commit(bob, { added: [{ blobId }] })
    scoped.outer.clear()
    const opened = await bob.ask('blobsOpen', { body: { vaultId: bob.state.vaultId, blobIds: [blobId] } })
    expect(opened.code).toBe('ok')
    await scoped.close()
  })
})
