import { randomBytes } from 'node:crypto'
import { ready } from '@serenity-kit/opaque'
import { encodeBytes } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../testing/api.ts'
import { authorGenesis, createAuthor } from '../testing/author.ts'
import { logIn, prepareRegistration, registerAccount, startLogin } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

const PASSWORD = 'correct horse battery staple'
const DAY_MS = 24 * 60 * 60 * 1000

let server: TestServer
beforeAll(async () => {
  await ready
  server = await createTestServer()
})
afterAll(() => server.close())

describe('registration and login', () => {
  it('give back the sealed keys to who knows the password, in any case and form of the name', async () => {
    const account = await registerAccount(server, { login: 'Ann@Example.org' })
    const answer = (await logIn(server, ' ann@example.ORG', account.password)).value()
    expect(answer.accountId).toEqual(account.author.accountId)
    expect(answer.passwordEnvelope).toEqual(account.passwordEnvelope)
    expect(answer.keyring).toEqual(account.keyring)
    expect((await account.ask('account', { token: answer.token })).value().keyring).toEqual(account.keyring)
  })

  it('store neither login name nor token nor sealed keys as they came', async () => {
    const account = await registerAccount(server, { login: 'hidden-name@example.org' })
    const tables = ['accounts', 'envelopes', 'keyrings', 'sessions', 'outer_keys', 'login_states'] as const
    const rows = await Promise.all(tables.map((table) => server.database.selectFrom(table).selectAll().execute()))
    const dump = Buffer.concat(
      rows
        .flat()
        .flatMap((row) =>
          Object.values(row).map((value) => Buffer.from(value instanceof Uint8Array ? value : String(value))),
        ),
    )
    for (const secret of ['hidden-name', account.token, account.passwordEnvelope, account.keyring]) {
      expect(dump.includes(typeof secret === 'string' ? Buffer.from(secret) : Buffer.from(secret))).toBe(false)
    }
  })

  it('refuse a login name or an account id that is in use, and leave nothing', async () => {
    const account = await registerAccount(server)
    const other = await prepareRegistration(server, { login: account.login, password: PASSWORD })
    expect((await ask(server.app, 'registerFinish', { body: other.body })).code).toBe('login_taken')
    const fresh = await prepareRegistration(server, { login: 'fresh-name', password: PASSWORD })
    const again = await ask(server.app, 'registerFinish', {
      body: { ...fresh.body, accountId: account.author.accountId },
    })
    expect(again.code).toBe('bad_request')
    expect((await ask(server.app, 'registerFinish', { body: fresh.body })).code).toBe('ok')
    const twice = await ask(server.app, 'registerFinish', { body: { ...fresh.body, login: 'another-name' } })
    expect(twice.code).toBe('account_exists')
  })

  it('let one of several racing registrations of a name win', async () => {
    const prepared = await Promise.all(
      Array.from({ length: 4 }, () => prepareRegistration(server, { login: 'contested', password: PASSWORD })),
    )
    const answers = await Promise.all(prepared.map(({ body }) => ask(server.app, 'registerFinish', { body })))
    expect(answers.map((answer) => answer.code).sort()).toEqual(['login_taken', 'login_taken', 'login_taken', 'ok'])
  })

  it('refuse a genesis of another card, a card of another account and a record that is none', async () => {
    const { body } = await prepareRegistration(server, { login: 'never-made', password: PASSWORD })
    const stranger = await createAuthor()
    const refused = async (change: Partial<typeof body>) =>
      (await ask(server.app, 'registerFinish', { body: { ...body, ...change } })).code
    expect(await refused({ genesis: (await authorGenesis(stranger)).bytes })).toBe('commit_rejected')
    expect(await refused({ card: stranger.card.bytes })).toBe('bad_request')
    expect(await refused({ record: encodeBytes(randomBytes(192)) })).toBe('bad_request')
    const forged = Uint8Array.from(body.card)
    forged[1310] = (forged[1310] ?? 0) ^ 1
    expect(await refused({ card: forged })).toBe('bad_request')
    const cut = Uint8Array.from(body.genesis)
    cut[cut.length - 1] = (cut.at(-1) ?? 0) ^ 1
    expect(await refused({ genesis: cut })).toBe('commit_rejected')
    const newer = Uint8Array.from(body.card)
    newer[0] = 2
    expect(await refused({ card: newer })).toBe('upgrade_required')
    const accounts = server.database.selectFrom('accounts').select('id').where('id', '=', body.accountId)
    expect(await accounts.executeTakeFirst()).toBeUndefined()
  })

  it('are closed where registration is closed', async () => {
    const closed = await createTestServer({ registration: 'closed' })
    try {
      const start = await ask(closed.app, 'registerStart', { body: { login: 'ann', request: 'AAAA' } })
      expect([start.status, start.code]).toEqual([403, 'registration_closed'])
    } finally {
      await closed.close()
    }
  })
})

describe('login of an unknown name', () => {
  it('answers both messages in the same form as a wrong password', async () => {
    const account = await registerAccount(server)
    const known = await startLogin(server, account.login, 'wrong')
    const unknown = await startLogin(server, 'nobody-at-all', 'wrong')
    expect(unknown.response.length).toBe(known.response.length)
    expect([known.finishLoginRequest, unknown.finishLoginRequest]).toEqual([null, null])
    const finish = async (loginId: Uint8Array) => {
      const answer = await server.app.inject({
        method: 'POST',
        url: '/v1/login/finish',
        payload: { loginId: encodeBytes(loginId), request: encodeBytes(randomBytes(64)) },
      })
      const { requestId: _, ...body } = answer.json()
      const { date: _date, 'x-request-id': _id, ...headers } = answer.headers
      return { status: answer.statusCode, body, headers }
    }
    const answers = [await finish(known.loginId), await finish(unknown.loginId)]
    expect(answers[1]).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'login_failed' } })
    const states = await server.database.selectFrom('login_states').select('sealed').execute()
    expect(states.length).toBe(0)
  })

  it('stores a login state of the same length as for a known name', async () => {
    const account = await registerAccount(server)
    await startLogin(server, account.login, PASSWORD)
    await startLogin(server, 'nobody-again', PASSWORD)
    const states = await server.database.selectFrom('login_states').select('sealed').execute()
    expect(new Set(states.map((state) => state.sealed.length)).size).toBe(1)
    await server.database.deleteFrom('login_states').execute()
  })
})

describe('login states', () => {
  it('can be used once', async () => {
    const account = await registerAccount(server)
    const { loginId, finishLoginRequest } = await startLogin(server, account.login, PASSWORD)
    const body = { loginId, request: finishLoginRequest ?? '' }
    const answers = await Promise.all([1, 2, 3].map(() => ask(server.app, 'loginFinish', { body })))
    expect(answers.map((answer) => answer.code).sort()).toEqual(['login_failed', 'login_failed', 'ok'])
  })

  it('are used up by a wrong third message', async () => {
    const account = await registerAccount(server)
    const { loginId, finishLoginRequest } = await startLogin(server, account.login, PASSWORD)
    const finish = (request: string) => ask(server.app, 'loginFinish', { body: { loginId, request } })
    expect((await finish(encodeBytes(randomBytes(64)))).code).toBe('login_failed')
    expect((await finish(finishLoginRequest ?? '')).code).toBe('login_failed')
  })

  it('end after a minute', async () => {
    const account = await registerAccount(server)
    const { loginId, finishLoginRequest } = await startLogin(server, account.login, PASSWORD)
    server.clock.advance(60_001)
    const answer = await ask(server.app, 'loginFinish', { body: { loginId, request: finishLoginRequest ?? '' } })
    expect(answer.code).toBe('login_failed')
  })
})

describe('sessions', () => {
  it('end thirty days after their last use', async () => {
    const account = await registerAccount(server)
    server.clock.advance(29 * DAY_MS)
    expect((await account.ask('account', {})).code).toBe('ok')
    server.clock.advance(29 * DAY_MS)
    expect((await account.ask('account', {})).code).toBe('ok')
    server.clock.advance(30 * DAY_MS + 1)
    const ended = await account.ask('account', {})
    expect([ended.status, ended.code]).toEqual([401, 'session_expired'])
  })

  it('end at logout, and only the one that asked', async () => {
    const account = await registerAccount(server)
    const { token } = (await logIn(server, account.login, PASSWORD)).value()
    expect((await account.ask('logout', { token })).code).toBe('ok')
    expect((await account.ask('account', { token })).code).toBe('session_expired')
    expect((await account.ask('account', {})).code).toBe('ok')
  })

  it('are listed with their devices, for their own account alone', async () => {
    const account = await registerAccount(server)
    const stranger = await registerAccount(server)
    const deviceId = randomBytes(16)
    server.clock.advance(1000)
    const { token } = (await logIn(server, account.login, PASSWORD)).value()
    expect((await account.ask('sessionDevice', { token, body: { deviceId } })).code).toBe('ok')
    const { sessions } = (await account.ask('sessionsList', { token })).value()
    expect(sessions.map(({ current, deviceId: id }) => [current, id === null ? null : Buffer.from(id)])).toEqual([
      [true, deviceId],
      [false, null],
    ])
    expect((await stranger.ask('sessionsList', {})).value().sessions.length).toBe(1)
  })

  it('belong to a new device from the beginning, where the login says which', async () => {
    const account = await registerAccount(server)
    const newDevice = randomBytes(16)
    const { loginId, finishLoginRequest } = await startLogin(server, account.login, PASSWORD)
    const body = { loginId, request: finishLoginRequest ?? '', newDevice }
    expect((await ask(server.app, 'loginFinish', { body })).code).toBe('ok')
    const { sessions } = (await account.ask('sessionsList', {})).value()
    expect(sessions.filter(({ deviceId }) => deviceId !== null && newDevice.equals(deviceId))).toHaveLength(1)
    const { entries } = (await account.ask('auditRead', {})).value()
    expect(entries.map(({ event, deviceId }) => [event, deviceId && Buffer.from(deviceId)])).toEqual([
      ['registered', null],
      ['signed_in', newDevice],
      ['device_named', newDevice],
    ])
  })

  it('can be revoked one by one and all but the own, by their own account alone', async () => {
    const account = await registerAccount(server)
    const stranger = await registerAccount(server)
    const tokens = []
    for (let times = 0; times < 3; times += 1) {
      tokens.push((await logIn(server, account.login, PASSWORD)).value().token)
    }
    const [first, second, third] = tokens
    const own = (await account.ask('sessionsList', { token: first })).value().sessions.find((each) => each.current)
    const sessionId = own?.sessionId ?? randomBytes(16)
    expect((await stranger.ask('sessionRevoke', { params: { sessionId } })).code).toBe('not_found')
    expect((await account.ask('sessionRevoke', { token: second, params: { sessionId } })).code).toBe('ok')
    expect((await account.ask('account', { token: first })).code).toBe('session_expired')
    expect((await account.ask('sessionRevoke', { token: second, params: { sessionId } })).code).toBe('not_found')
    expect((await account.ask('sessionsRevokeOthers', { token: second })).value().revoked).toBe(2)
    expect((await account.ask('account', { token: third })).code).toBe('session_expired')
    expect((await account.ask('account', { token: second })).code).toBe('ok')
    expect((await stranger.ask('account', {})).code).toBe('ok')
  })

  it('are wanted by every route that says so', async () => {
    expect((await ask(server.app, 'account', {})).code).toBe('unauthenticated')
    expect((await ask(server.app, 'account', { token: randomBytes(32) })).code).toBe('session_expired')
    const headers = { authorization: 'Basic YTpi' }
    expect((await ask(server.app, 'account', { headers })).code).toBe('session_expired')
  })
})

describe('limits', () => {
  it('hold per address across all routes of login and registration, and end with their minute', async () => {
    const limited = await createTestServer({ attemptsPerMinute: 3, trustedProxies: ['127.0.0.1'] })
    try {
      const start = (address: string) =>
        ask(limited.app, 'loginStart', {
          body: { login: 'ann', request: 'AAAA' },
          headers: { 'x-forwarded-for': address },
        })
      for (let times = 0; times < 3; times += 1) expect((await start('192.0.2.1')).code).toBe('bad_request')
      const refused = await start('192.0.2.1')
      expect([refused.status, refused.code]).toEqual([429, 'too_many_requests'])
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      expect((await start('192.0.2.2')).code).toBe('bad_request')
      limited.clock.advance(60_001)
      expect((await start('192.0.2.1')).code).toBe('bad_request')
    } finally {
      await limited.close()
    }
  })

  it('ignore X-Forwarded-For of who is no trusted proxy', async () => {
    const limited = await createTestServer({ attemptsPerMinute: 1 })
    try {
      const start = (address: string) =>
        ask(limited.app, 'loginStart', {
          body: { login: 'ann', request: 'AAAA' },
          headers: { 'x-forwarded-for': address },
        })
      expect((await start('192.0.2.1')).code).toBe('bad_request')
      expect((await start('192.0.2.2')).code).toBe('too_many_requests')
    } finally {
      await limited.close()
    }
  })

  it('per login name do not touch who knows the password', async () => {
    const account = await registerAccount(server)
    for (let times = 0; times < 35; times += 1) {
      expect((await logIn(server, account.login, account.password)).code, `login ${times}`).toBe('ok')
    }
  })

  it('hold per login name, from any address', async () => {
    const codes: string[] = []
    for (let times = 0; times < 31; times += 1) {
      codes.push((await ask(server.app, 'loginStart', { body: { login: 'guessed', request: 'AAAA' } })).code)
    }
    expect(codes.slice(0, 30)).toEqual(Array(30).fill('bad_request'))
    expect(codes[30]).toBe('too_many_requests')
  })
})
