import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../testing/api.ts'
import { logIn, registerAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'

const PASSWORD = 'correct horse battery staple'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const half = (token: Uint8Array) => ask(server.app, 'sessionHalf', { token })
const rows = () => server.database.selectFrom('session_halves').selectAll().execute()

describe("a session's half", () => {
  it('comes with the session, is its own, and is read by its own token alone', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const [one, other] = await Promise.all(
      [1, 2].map(async () => (await logIn(server, account.login, PASSWORD)).value()),
    )
    if (one === undefined || other === undefined) throw new Error('two logins')
    expect((await half(one.token)).value().serverHalf).toEqual(one.serverHalf)
    expect((await half(other.token)).value().serverHalf).toEqual(other.serverHalf)
    expect(one.serverHalf).not.toEqual(other.serverHalf)
    expect((await half(account.token)).value().serverHalf).not.toEqual(one.serverHalf)
    expect((await ask(server.app, 'sessionHalf', {})).code).toBe('unauthenticated')
  })

  it('stands in no row in the open, and opens in no other row', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const signedIn = (await logIn(server, account.login, PASSWORD)).value()
    for (const row of await rows()) {
      expect(Buffer.from(row.sealed).includes(Buffer.from(signedIn.serverHalf))).toBe(false)
    }
    const own = (await rows()).filter((row) => Buffer.compare(row.account_id, account.author.accountId) === 0)
    const [first, second] = own
    if (first === undefined || second === undefined) throw new Error('two sessions')
    await server.database
      .updateTable('session_halves')
      .set({ sealed: first.sealed })
      .where('session_id', '=', second.session_id)
      .execute()
    const answers = [await half(account.token), await half(signedIn.token)].map(({ code }) => code)
    expect(answers.sort()).toEqual(['ok', 'stored_data_damaged'])
  })

  it('is deleted with the session, however that ends', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const token = async () => (await logIn(server, account.login, PASSWORD)).value().token
    const count = async () =>
      (await rows()).filter((row) => Buffer.compare(row.account_id, account.author.accountId) === 0).length
    const [revoked, logged, left] = [await token(), await token(), await token()]
    expect(await count()).toBe(4)
    const { sessions } = (await ask(server.app, 'sessionsList', { token: revoked })).value()
    const sessionId = sessions.find(({ current }) => current)?.sessionId ?? new Uint8Array(16)
    await account.ask('sessionRevoke', { params: { sessionId } })
    await ask(server.app, 'logout', { token: logged })
    expect(await count()).toBe(2)
    await account.ask('sessionsRevokeOthers', {})
    expect(await count()).toBe(1)
    for (const ended of [revoked, logged, left]) expect((await half(ended)).code).toBe('session_expired')
  })

  it('is made once for a session from before there were halves', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    await server.database.deleteFrom('session_halves').where('account_id', '=', account.author.accountId).execute()
    expect((await half(account.token)).code).toBe('session_expired')
    const answers = await Promise.all([1, 2, 3, 4].map(() => account.ask('sessionHalfEnsure', {})))
    const halves = answers.map((answer) => Buffer.from(answer.value().serverHalf).toString('hex'))
    expect(new Set(halves).size).toBe(1)
    expect(Buffer.from((await half(account.token)).value().serverHalf).toString('hex')).toBe(halves[0])
  })
})
