import { randomBytes } from 'node:crypto'
import { encodeBytes } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../testing/api.ts'
import { logIn, makeRecord, registerAccount, sha256, startLogin, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

const MINUTE_MS = 60_000
const FIRST = { password: 1, recovery: 1, keyring: 1 }
const NEXT = 'a very different password'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const random = (length: number) => new Uint8Array(randomBytes(length))

async function proofOf(account: TestAccount, password = account.password) {
  const { loginId, finishLoginRequest } = await startLogin(server, account.login, password)
  return { loginId, request: finishLoginRequest ?? encodeBytes(randomBytes(64)) }
}

async function newPassword(account: TestAccount, login = account.login, password = NEXT) {
  const record = await makeRecord(server, password, async (request) =>
    (await account.ask('credentialsStart', { body: { login, request } })).value(),
  )
  return { login, record, envelope: random(105) }
}

const newRecovery = () => {
  const auth = random(32)
  return { auth, recovery: { envelope: random(105), authHash: sha256(auth) } }
}

const open = (login: string, auth: Uint8Array) => ask(server.app, 'recoveryOpen', { body: { login, auth } })

async function finishRecovery(recoveryId: Uint8Array, password = NEXT) {
  const record = await makeRecord(server, password, async (request) =>
    (await ask(server.app, 'recoveryStart', { body: { recoveryId, request } })).value(),
  )
  const body = {
    recoveryId,
    record,
    passwordEnvelope: random(105),
    recoveryEnvelope: random(105),
    recoveryAuthHash: sha256(random(32)),
  }
  return { body, answer: await ask(server.app, 'recoveryFinish', { body }) }
}

async function events(account: TestAccount): Promise<string[]> {
  const rows = await server.database
    .selectFrom('audit_entries')
    .select('event')
    .where('account_id', '=', account.author.accountId)
    .orderBy('seq')
    .execute()
  return rows.map((row) => row.event)
}

describe('a change of the password', () => {
  it('replaces record and envelope, ends the other sessions and keeps its own', async () => {
    const account = await registerAccount(server)
    const other = (await logIn(server, account.login, account.password)).value()
    const password = await newPassword(account)
    const body = { proof: await proofOf(account), expected: FIRST, password }
    expect((await account.ask('credentialsChange', { body })).value()).toEqual({
      versions: { password: 2, recovery: 1, keyring: 1 },
    })
    expect((await logIn(server, account.login, account.password)).code).toBe('login_failed')
    const signedIn = (await logIn(server, account.login, NEXT)).value()
    expect(signedIn.passwordEnvelope).toEqual(password.envelope)
    expect(signedIn.passwordEnvelopeVersion).toBe(2)
    expect((await account.ask('account', {})).code).toBe('ok')
    expect((await account.ask('account', { token: other.token })).code).toBe('session_expired')
    expect(await events(account)).toContain('password_changed')
  })

  it('needs the password of this very account, once, within a minute', async () => {
    const account = await registerAccount(server)
    const stranger = await registerAccount(server)
    const password = await newPassword(account)
    const change = async (proof: Awaited<ReturnType<typeof proofOf>>) =>
      (await account.ask('credentialsChange', { body: { proof, expected: FIRST, password } })).code
    expect(await change(await proofOf(account, 'wrong'))).toBe('login_failed')
    expect(await change(await proofOf(stranger))).toBe('login_failed')
    const late = await proofOf(account)
    server.clock.advance(MINUTE_MS)
    expect(await change(late)).toBe('login_failed')
    const used = await proofOf(account)
    expect((await ask(server.app, 'loginFinish', { body: used })).code).toBe('ok')
    expect(await change(used)).toBe('login_failed')
    expect(await change(await proofOf(account))).toBe('ok')
  })

  it('goes to one of several racing devices', async () => {
    const account = await registerAccount(server)
    const bodies = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => ({
        proof: await proofOf(account),
        expected: FIRST,
        password: await newPassword(account, account.login, `password number ${name}`),
      })),
    )
    const answers = await Promise.all(bodies.map((body) => account.ask('credentialsChange', { body })))
    const codes = answers.map((answer) => answer.code).sort()
    expect(codes.filter((code) => code === 'ok')).toEqual(['ok'])
    expect(codes.every((code) => ['ok', 'versions_moved', 'login_failed'].includes(code))).toBe(true)
  })

  it('is refused under a record that is none, and changes nothing then', async () => {
    const account = await registerAccount(server)
    const password = { ...(await newPassword(account)), record: encodeBytes(randomBytes(192)) }
    const body = { proof: await proofOf(account), expected: FIRST, password }
    expect((await account.ask('credentialsChange', { body })).code).toBe('bad_request')
    expect((await logIn(server, account.login, account.password)).code).toBe('ok')
  })

  it('tells who repeats it that the versions moved', async () => {
    const account = await registerAccount(server)
    const body = { proof: await proofOf(account), expected: FIRST, password: await newPassword(account) }
    expect((await account.ask('credentialsChange', { body })).code).toBe('ok')
    expect((await account.ask('credentialsChange', { body })).code).toBe('versions_moved')
  })

  it('leaves no session to logins that race with it, nor stands in their way', async () => {
    const account = await registerAccount(server)
    const logins = await Promise.all(Array.from({ length: 8 }, () => proofOf(account)))
    const body = { proof: await proofOf(account), expected: FIRST, password: await newPassword(account) }
    const racing = logins.map((proof) => ask(server.app, 'loginFinish', { body: proof }))
    const [changed, ...answers] = await Promise.all([account.ask('credentialsChange', { body }), ...racing])
    expect(changed.code).toBe('ok')
    expect(answers.every(({ code }) => code === 'ok' || code === 'login_failed')).toBe(true)
    for (const answer of answers) {
      if (answer.code !== 'ok') continue
      const { token } = answer.value() as { token: Uint8Array }
      expect((await account.ask('account', { token })).code).toBe('session_expired')
    }
    expect((await account.ask('account', {})).code).toBe('ok')
  })

  it('ends a login that was begun with the old password', async () => {
    const account = await registerAccount(server)
    const begun = await proofOf(account)
    const body = { proof: await proofOf(account), expected: FIRST, password: await newPassword(account) }
    expect((await account.ask('credentialsChange', { body })).code).toBe('ok')
    expect((await ask(server.app, 'loginFinish', { body: begun })).code).toBe('login_failed')
  })
})

describe('a change of the login name', () => {
  it('moves the account to the new name, and frees the old one', async () => {
    const account = await registerAccount(server)
    const login = `renamed-${account.login}`
    const password = await newPassword(account, ` ${login.toUpperCase()} `, account.password)
    const body = { proof: await proofOf(account), expected: FIRST, password }
    expect((await account.ask('credentialsChange', { body })).code).toBe('ok')
    expect((await logIn(server, login, account.password)).code).toBe('ok')
    expect((await logIn(server, account.login, account.password)).code).toBe('login_failed')
    expect((await registerAccount(server, { login: account.login })).login).toBe(account.login)
    expect(await events(account)).toContain('login_changed')
  })

  it('leaves a name to who has it', async () => {
    const [account, other] = [await registerAccount(server), await registerAccount(server)]
    const password = await newPassword(account, other.login, account.password)
    const body = { proof: await proofOf(account), expected: FIRST, password }
    expect((await account.ask('credentialsChange', { body })).code).toBe('login_taken')
    expect((await logIn(server, account.login, account.password)).code).toBe('ok')
    expect((await logIn(server, other.login, other.password)).code).toBe('ok')
  })
})

describe('a change of recovery key and keyring', () => {
  it('replaces what is given, each under the version after its own', async () => {
    const account = await registerAccount(server)
    const { auth, recovery } = newRecovery()
    const keyring = random(600)
    const first = { proof: await proofOf(account), expected: FIRST, recovery }
    expect((await account.ask('credentialsChange', { body: first })).value().versions.recovery).toBe(2)
    expect((await open(account.login, account.recoveryAuth)).code).toBe('recovery_failed')
    expect((await open(account.login, auth)).value().recoveryEnvelope).toEqual(recovery.envelope)
    const next = { proof: await proofOf(account), expected: { ...FIRST, recovery: 2 }, keyring }
    const changed = (await account.ask('credentialsChange', { body: next })).value()
    expect(changed).toEqual({ versions: { password: 1, recovery: 2, keyring: 2 } })
    const stored = (await account.ask('credentialsRead', {})).value()
    expect(stored).toEqual({ versions: changed.versions, recoveryEnvelope: recovery.envelope })
    expect((await account.ask('account', {})).value().keyring).toEqual(keyring)
    expect(await events(account)).toEqual(expect.arrayContaining(['recovery_key_replaced', 'keyring_replaced']))
  })
})

describe('a rotation of the account key', () => {
  it('replaces both envelopes and the keyring at once, under the same password, and ends other sessions', async () => {
    const account = await registerAccount(server)
    const elsewhere = (await logIn(server, account.login, account.password)).value()
    const { auth, recovery } = newRecovery()
    const [keyring, passwordEnvelope] = [random(600), random(105)]
    const expected = FIRST
    const both = { password: await newPassword(account), passwordEnvelope }
    const refused = { proof: await proofOf(account), expected, ...both, recovery, keyring }
    expect((await account.ask('credentialsChange', { body: refused })).code).toBe('bad_request')
    const body = { proof: await proofOf(account), expected, passwordEnvelope, recovery, keyring }
    const changed = (await account.ask('credentialsChange', { body })).value()
    expect(changed).toEqual({ versions: { password: 2, recovery: 2, keyring: 2 } })
    expect((await account.ask('account', { token: elsewhere.token })).code).toBe('session_expired')
    const signedIn = (await logIn(server, account.login, account.password)).value()
    expect(signedIn).toMatchObject({ passwordEnvelope, passwordEnvelopeVersion: 2, keyring, keyringVersion: 2 })
    expect((await open(account.login, account.recoveryAuth)).code).toBe('recovery_failed')
    expect((await open(account.login, auth)).value().recoveryEnvelope).toEqual(recovery.envelope)
    expect(await events(account)).toContain('account_key_rotated')
  })
})

describe('a recovery', () => {
  it('gives the sealed keys to who has the recovery key, then a new password, and ends all sessions', async () => {
    const account = await registerAccount(server)
    const opened = (await open(account.login.toUpperCase(), account.recoveryAuth)).value()
    expect(opened).toMatchObject({
      accountId: account.author.accountId,
      versions: FIRST,
      recoveryEnvelope: account.recoveryEnvelope,
      keyring: account.keyring,
    })
    expect((await account.ask('account', {})).code).toBe('ok')
    const { body, answer } = await finishRecovery(opened.recoveryId)
    const session = answer.value()
    expect((await account.ask('account', {})).code).toBe('session_expired')
    expect((await account.ask('account', { token: session.token })).code).toBe('ok')
    expect((await logIn(server, account.login, account.password)).code).toBe('login_failed')
    const signedIn = (await logIn(server, account.login, NEXT)).value()
    expect(signedIn.passwordEnvelope).toEqual(body.passwordEnvelope)
    expect((await open(account.login, account.recoveryAuth)).code).toBe('recovery_failed')
    expect(await events(account)).toContain('recovery_used')
  })

  it('answers unknown accounts and wrong keys alike', async () => {
    const account = await registerAccount(server)
    const failure = async (login: string) => {
      const answer = await server.app.inject({
        method: 'POST',
        url: '/v1/recovery/open',
        payload: { login, auth: encodeBytes(randomBytes(32)) },
      })
      const { date: _date, 'x-request-id': _id, ...headers } = answer.headers
      return { status: answer.statusCode, length: answer.rawPayload.length, code: answer.json().code, headers }
    }
    const [known, unknown] = [await failure(account.login), await failure('nobody-to-recover')]
    expect(known).toMatchObject({ status: 401, code: 'recovery_failed' })
    expect(unknown).toEqual(known)
  })

  it('is finished once, within half an hour, and only while nothing else changed', async () => {
    const account = await registerAccount(server)
    const begin = async () => (await open(account.login, account.recoveryAuth)).value().recoveryId
    const late = await begin()
    server.clock.advance(30 * MINUTE_MS)
    const start = await ask(server.app, 'recoveryStart', { body: { recoveryId: late, request: 'AAAA' } })
    expect(start.code).toBe('recovery_failed')
    const overtaken = await begin()
    const body = { proof: await proofOf(account), expected: FIRST, password: await newPassword(account) }
    expect((await account.ask('credentialsChange', { body })).code).toBe('ok')
    expect((await finishRecovery(overtaken)).answer.code).toBe('versions_moved')
    const [first, second] = [await begin(), await begin()]
    const done = await finishRecovery(first, 'the password of the first one')
    expect(done.answer.code).toBe('ok')
    expect((await ask(server.app, 'recoveryFinish', { body: done.body })).code).toBe('recovery_failed')
    const other = await ask(server.app, 'recoveryFinish', { body: { ...done.body, recoveryId: second } })
    expect(other.code).toBe('recovery_failed')
    expect((await logIn(server, account.login, 'the password of the first one')).code).toBe('ok')
  })

  it('survives a record that is none: the next try still works', async () => {
    const account = await registerAccount(server)
    const { recoveryId } = (await open(account.login, account.recoveryAuth)).value()
    const body = {
      recoveryId,
      record: encodeBytes(randomBytes(192)),
      passwordEnvelope: random(105),
      recoveryEnvelope: random(105),
      recoveryAuthHash: random(32),
    }
    expect((await ask(server.app, 'recoveryFinish', { body })).code).toBe('bad_request')
    expect((await finishRecovery(recoveryId)).answer.code).toBe('ok')
  })

  it('keeps its id out of the database', async () => {
    const account = await registerAccount(server)
    const { recoveryId } = (await open(account.login, account.recoveryAuth)).value()
    const rows = await server.database.selectFrom('recovery_states').selectAll().execute()
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      const values = Object.values(row).map((value) => (value instanceof Uint8Array ? value : new Uint8Array()))
      expect(Buffer.concat(values).includes(Buffer.from(recoveryId))).toBe(false)
    }
  })

  it('is limited per login name, known or not, from any address, and forgiven to who has the key', async () => {
    const account = await registerAccount(server)
    const last = async (login: string): Promise<string[]> => {
      const codes: string[] = []
      for (let times = 0; times < 11; times += 1) codes.push((await open(login, random(32))).code)
      return codes.slice(-2)
    }
    for (let times = 0; times < 12; times += 1) {
      expect((await open(account.login, account.recoveryAuth)).code).toBe('ok')
    }
    for (const login of [account.login, 'nobody-limited']) {
      expect(await last(login)).toEqual(['recovery_failed', 'too_many_requests'])
    }
    const failures = await server.database
      .selectFrom('audit_folds')
      .select('count')
      .where('account_id', '=', account.author.accountId)
      .where('event', '=', 'recovery_failed')
      .executeTakeFirst()
    expect(failures?.count).toBe(10)
  })
})

describe('evaluations of OPAQUE', () => {
  it('are limited per login name whatever route asks for them', async () => {
    const account = await registerAccount(server)
    const asker = await registerAccount(server)
    const codes: string[] = []
    for (let times = 0; times < 31; times += 1) {
      const body = { login: account.login, request: 'AAAA' }
      codes.push((await asker.ask('credentialsStart', { body })).code)
    }
    expect(codes.at(-1)).toBe('too_many_requests')
    const body = { login: account.login, request: 'AAAA' }
    expect((await ask(server.app, 'registerStart', { body })).code).toBe('too_many_requests')
    expect((await ask(server.app, 'loginStart', { body })).code).toBe('too_many_requests')
  })
})
