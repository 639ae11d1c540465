import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withSecondFactor } from '../domain/accounts/second-factor.ts'
import { ask } from '../testing/api.ts'
import { logIn, registerAccount, startLogin, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'
import { codeAt } from '../testing/totp-code.ts'

const PASSWORD = 'correct horse battery staple'
const STEP_MS = 30_000

let server: TestServer
let beside: TestServer
beforeAll(async () => {
  server = await createTestServer()
  beside = await createTestServer({ beside: server })
})
afterAll(async () => {
  await beside.close()
  await server.close()
})
// Each code works once: every test has a time of its own.
beforeEach(() => server.clock.advance(10 * STEP_MS))

const codes = (first = 'A'): string[] => Array.from({ length: 10 }, (_, index) => `${first}BCDE0000${index}`)

async function proof(account: TestAccount, password = PASSWORD) {
  const { loginId, finishLoginRequest } = await startLogin(server, account.login, password)
  return { loginId, request: finishLoginRequest ?? randomBytes(64).toString('base64url') }
}

async function begin(account: TestAccount) {
  return (await account.ask('secondFactorBegin', { body: { proof: await proof(account) } })).value()
}

function confirm(account: TestAccount, enrolmentId: Uint8Array, code: string, backupCodes = codes()) {
  return account.ask('secondFactorConfirm', { body: { enrolmentId, code, backupCodes } })
}

const now = (secret: Uint8Array, steps = 0): string => codeAt(secret, server.clock.nowMs() + steps * STEP_MS)

/** An account with a second factor, and an authenticator that has not shown its next code yet. */
async function enrolled() {
  const account = await registerAccount(server, { password: PASSWORD })
  const { enrolmentId, secret } = await begin(account)
  expect((await confirm(account, enrolmentId, now(secret))).code).toBe('ok')
  server.clock.advance(STEP_MS)
  return { account, secret }
}

async function ticketOf(account: TestAccount, password = PASSWORD): Promise<Uint8Array> {
  const { loginId, finishLoginRequest } = await startLogin(server, account.login, password)
  const answer = await ask(server.app, 'loginFinish', { body: { loginId, request: finishLoginRequest ?? '' } })
  const value = answer.value()
  if (!('secondFactor' in value)) throw new Error('no second factor was asked for')
  return value.secondFactor
}

function show(ticket: Uint8Array, code: string, on: TestServer = server) {
  return ask(on.app, 'loginSecondFactor', { body: { ticket, code } })
}

describe('a code', () => {
  it('that let nothing through can be shown again; one that did cannot', async () => {
    const { account, secret } = await enrolled()
    const { accountId } = account.author
    const deps = { ...server, outerKeys: server.outer }
    for (const code of [now(secret), 'ABCDE00003']) {
      const cut = withSecondFactor(deps, { accountId, code }, async (_tx, spend) => {
        await spend()
        throw new Error('the server died')
      })
      await expect(cut).rejects.toThrow('the server died')
      expect((await show(await ticketOf(account), code)).code).toBe('ok')
      expect((await show(await ticketOf(account), code)).code).toBe('second_factor_failed')
    }
  })
})

describe('a second factor that was begun', () => {
  it('changes nothing before a code of it was shown', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const { enrolmentId, secret } = await begin(account)
    expect(secret.length).toBe(20)
    expect((await account.ask('secondFactorRead', {})).value()).toEqual({ enabled: false, backupCodesLeft: 0 })
    expect((await logIn(server, account.login, PASSWORD)).value().passwordEnvelope).toEqual(account.passwordEnvelope)
    for (const wrong of [now(secret, 5), '000000x', '1', 'ABCDE-FGHJK']) {
      expect((await confirm(account, enrolmentId, wrong)).code).toBe('second_factor_failed')
    }
    expect((await logIn(server, account.login, PASSWORD)).value().token.length).toBe(32)
  })

  it('takes the password, so that a found device cannot lock its owner out', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const other = await registerAccount(server, { password: PASSWORD })
    for (const wrong of [await proof(account, 'wrong'), await proof(other)]) {
      expect((await account.ask('secondFactorBegin', { body: { proof: wrong } })).code).toBe('login_failed')
    }
    const used = await proof(account)
    expect((await account.ask('secondFactorBegin', { body: { proof: used } })).code).toBe('ok')
    expect((await account.ask('secondFactorBegin', { body: { proof: used } })).code).toBe('login_failed')
  })

  it('is replaced by one that is begun later, and ends after half an hour', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const [first, second] = [await begin(account), await begin(account)]
    expect((await confirm(account, first.enrolmentId, now(first.secret))).code).toBe('second_factor_conflict')
    server.clock.advance(30 * 60_000)
    expect((await confirm(account, second.enrolmentId, now(second.secret))).code).toBe('second_factor_conflict')
    const third = await begin(account)
    expect((await confirm(account, third.enrolmentId, now(third.secret))).code).toBe('ok')
    const again = await account.ask('secondFactorBegin', { body: { proof: await proof(account) } })
    expect(again.code).toBe('second_factor_conflict')
  })

  it('is on once when its confirmation is repeated, for a lost answer', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const { enrolmentId, secret } = await begin(account)
    const code = now(secret)
    const answers = await Promise.all([1, 2, 3].map(() => confirm(account, enrolmentId, code)))
    expect(answers.map((answer) => answer.code)).toContain('ok')
    expect((await confirm(account, enrolmentId, code)).code).toBe('ok')
    expect((await account.ask('secondFactorRead', {})).value()).toEqual({ enabled: true, backupCodesLeft: 10 })
  })

  it('refuses backup codes other than those that it was switched on with, which would never work', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const { enrolmentId, secret } = await begin(account)
    expect((await confirm(account, enrolmentId, now(secret), codes('A'))).code).toBe('ok')
    server.clock.advance(STEP_MS)
    expect((await confirm(account, enrolmentId, now(secret), codes('B'))).code).toBe('second_factor_conflict')
    expect((await confirm(account, enrolmentId, now(secret), codes('A'))).code).toBe('ok')
  })

  it('belongs to its account alone', async () => {
    const account = await registerAccount(server, { password: PASSWORD })
    const stranger = await registerAccount(server, { password: PASSWORD })
    const { enrolmentId, secret } = await begin(account)
    expect((await confirm(stranger, enrolmentId, now(secret))).code).toBe('second_factor_conflict')
  })
})

describe('a login with a second factor', () => {
  it('gets no session and no sealed key before the code', async () => {
    const { account, secret } = await enrolled()
    const { loginId, finishLoginRequest } = await startLogin(server, account.login, PASSWORD)
    const before = await server.database.selectFrom('sessions').select('id').execute()
    const newDevice = randomBytes(16)
    const body = { loginId, request: finishLoginRequest ?? '', newDevice }
    const answer = await ask(server.app, 'loginFinish', { body })
    expect(Object.keys(answer.value())).toEqual(['secondFactor'])
    expect(await server.database.selectFrom('sessions').select('id').execute()).toEqual(before)
    const ticket = (answer.value() as { secondFactor: Uint8Array }).secondFactor // just seen to be its only key
    const shown = { ticket, code: now(secret), newDevice }
    const signedIn = (await ask(server.app, 'loginSecondFactor', { body: shown })).value()
    const { sessions } = (await ask(server.app, 'sessionsList', { token: signedIn.token })).value()
    expect(sessions.map(({ deviceId }) => deviceId)).toContainEqual(Uint8Array.from(newDevice))
    expect(signedIn.passwordEnvelope).toEqual(account.passwordEnvelope)
    expect(signedIn.keyring).toEqual(account.keyring)
    expect((await ask(server.app, 'account', { token: signedIn.token })).code).toBe('ok')
  })

  it('looks like any other to who lacks the password', async () => {
    const { account } = await enrolled()
    const plain = await registerAccount(server, { password: PASSWORD })
    const answers = []
    for (const login of [account.login, plain.login, `nobody-${randomBytes(6).toString('hex')}`]) {
      const wrong = await logIn(server, login, 'wrong')
      const { loginId, response } = await startLogin(server, login, 'wrong')
      answers.push([wrong.status, wrong.code, wrong.details, loginId.length, response.length])
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  })

  it('takes a code of the step before or after, with spaces, and no other', async () => {
    const { account, secret } = await enrolled()
    const ticket = await ticketOf(account)
    const right = [-1, 0, 1].map((steps) => now(secret, steps))
    const wrong = [
      now(secret, -3),
      now(secret, 2),
      '12345',
      '1234567',
      'abcdef',
      '\u0661\u0662\u0663\u0664\u0665\u0666',
    ]
    for (const code of wrong.filter((one) => !right.includes(one))) {
      expect([code, (await show(await ticketOf(account), code)).code]).toEqual([code, 'second_factor_failed'])
    }
    const next = now(secret, 1)
    expect((await show(ticket, `${next.slice(0, 3)} ${next.slice(3)}`)).code).toBe('ok')
  })

  it('takes each code once, and none that is older than one it took', async () => {
    const { account, secret } = await enrolled()
    const [older, code] = [now(secret), now(secret, 1)]
    expect((await show(await ticketOf(account), code)).code).toBe('ok')
    expect((await show(await ticketOf(account), code)).code).toBe('second_factor_failed')
    expect((await show(await ticketOf(account), older)).code).toBe('second_factor_failed')
    server.clock.advance(2 * STEP_MS)
    expect((await show(await ticketOf(account), now(secret))).code).toBe('ok')
  })

  it('lets one in of many that show one code at once, on two servers', async () => {
    const { account, secret } = await enrolled()
    const tickets = await Promise.all(Array.from({ length: 6 }, () => ticketOf(account)))
    const code = now(secret)
    const answers = await Promise.all(tickets.map((ticket, index) => show(ticket, code, index % 2 ? server : beside)))
    expect(answers.filter((answer) => answer.code === 'ok').length).toBe(1)
    server.clock.advance(STEP_MS)
    const [ticket] = tickets
    const again = await Promise.all([1, 2, 3].map(() => show(ticket ?? new Uint8Array(16), 'ABCDE00003')))
    expect(again.filter((answer) => answer.code === 'ok').length).toBeLessThanOrEqual(1)
  })

  it('gives five tries to a ticket, which lives for five minutes and works once', async () => {
    const { account, secret } = await enrolled()
    const ticket = await ticketOf(account)
    for (let tries = 0; tries < 5; tries += 1) expect((await show(ticket, '000000x')).code).toBe('second_factor_failed')
    expect((await show(ticket, now(secret))).code).toBe('login_failed')
    const old = await ticketOf(account)
    server.clock.advance(5 * 60_000)
    expect((await show(old, now(secret))).code).toBe('login_failed')
    const good = await ticketOf(account)
    expect((await show(good, now(secret))).code).toBe('ok')
    server.clock.advance(STEP_MS)
    expect((await show(good, now(secret))).code).toBe('login_failed')
    expect((await show(new Uint8Array(randomBytes(16)), now(secret))).code).toBe('login_failed')
  })

  it('gives ten tries an hour to an account, over all tickets, servers and ways to show a code', async () => {
    const { account, secret } = await enrolled()
    for (let tries = 0; tries < 9; tries += 1) {
      expect((await show(await ticketOf(account), '000000x', tries % 2 ? server : beside)).code).toBe(
        'second_factor_failed',
      )
    }
    const body = { code: '000000x', backupCodes: codes('Z') }
    const codesAnswer = await account.ask('secondFactorCodes', { body })
    expect(codesAnswer.code).toBe('second_factor_failed')
    const refused = await show(await ticketOf(account), now(secret))
    expect(refused.code).toBe('too_many_requests')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3000)
    server.clock.advance(60 * 60_000)
    expect((await show(await ticketOf(account), now(secret))).code).toBe('ok')
  })

  it('lets in whoever shows a backup code, each once, however it is written', async () => {
    const { account } = await enrolled()
    expect((await show(await ticketOf(account), 'abcde-0000o')).code).toBe('ok')
    expect((await show(await ticketOf(account), 'ABCDE00000')).code).toBe('second_factor_failed')
    expect((await show(await ticketOf(account), ' abcde 0000l ')).code).toBe('ok')
    expect((await account.ask('secondFactorRead', {})).value()).toEqual({ enabled: true, backupCodesLeft: 8 })
    const tickets = await Promise.all([1, 2, 3, 4].map(() => ticketOf(account)))
    const racing = await Promise.all(tickets.map((ticket, i) => show(ticket, 'ABCDE00002', i % 2 ? server : beside)))
    expect(racing.filter((answer) => answer.code === 'ok').length).toBe(1)
  })

  it('ends with the password that was proved', async () => {
    const { account, secret } = await enrolled()
    const ticket = await ticketOf(account)
    const { opaque_record } = await server.database
      .selectFrom('accounts')
      .select('opaque_record')
      .where('login_hash', '!=', server.setup.userIdentifier(account.login))
      .executeTakeFirstOrThrow()
    const change = (record: string) =>
      server.database
        .updateTable('accounts')
        .set({ opaque_record: record })
        .where('id', '=', account.author.accountId)
        .execute()
    await change(opaque_record)
    expect((await show(ticket, now(secret))).code).toBe('login_failed')
  })

  it('does not take the code of another account', async () => {
    const [one, other] = [await enrolled(), await enrolled()]
    server.clock.advance(STEP_MS)
    expect((await show(await ticketOf(one.account), now(other.secret))).code).toBe('second_factor_failed')
    expect((await show(await ticketOf(one.account), now(one.secret))).code).toBe('ok')
  })
})

describe('backup codes', () => {
  it('are replaced as a set, by who shows a code; a repetition is harmless', async () => {
    const { account, secret } = await enrolled()
    const fresh = codes('Z')
    const send = (code: string) => account.ask('secondFactorCodes', { body: { code, backupCodes: fresh } })
    expect((await send('000000x')).code).toBe('second_factor_failed')
    const code = now(secret)
    expect((await send(code)).code).toBe('ok')
    expect((await send(code)).code).toBe('ok')
    expect((await show(await ticketOf(account), 'ABCDE00001')).code).toBe('second_factor_failed')
    expect((await show(await ticketOf(account), 'ZBCDE00001')).code).toBe('ok')
    expect((await send(code)).code).toBe('second_factor_failed')
  })

  it('have to be ten, different, of fifty bits', async () => {
    const { account, secret } = await enrolled()
    for (const backupCodes of [codes().slice(1), [...codes().slice(1), 'ABCDE00001'], codes().map((c) => c.slice(1))]) {
      const answer = await account
        .ask('secondFactorCodes', { body: { code: now(secret), backupCodes } })
        .catch(() => null)
      expect(answer?.code ?? 'bad_request').toBe('bad_request')
    }
  })

  it('are stored so that the database alone cannot be searched for them', async () => {
    const { account } = await enrolled()
    const rows = await server.database
      .selectFrom('backup_codes')
      .selectAll()
      .where('account_id', '=', account.author.accountId)
      .execute()
    expect(rows.length).toBe(10)
    const other = await enrolled()
    const others = await server.database
      .selectFrom('backup_codes')
      .select('hash')
      .where('account_id', '=', other.account.author.accountId)
      .execute()
    // The same codes, other hashes: keyed, and bound to the account.
    expect(rows.some((row) => others.some(({ hash }) => Buffer.compare(row.hash, hash) === 0))).toBe(false)
  })
})

describe('turning it off', () => {
  it('takes the password and a code, and ends what was asked for', async () => {
    const { account, secret } = await enrolled()
    const disable = async (password: string, code: string) =>
      account.ask('secondFactorDisable', { body: { proof: await proof(account, password), code } })
    expect((await disable('wrong', now(secret))).code).toBe('login_failed')
    expect((await disable(PASSWORD, '000000x')).code).toBe('second_factor_failed')
    expect((await disable(PASSWORD, now(secret))).code).toBe('ok')
    expect((await disable(PASSWORD, now(secret))).code).toBe('ok')
    expect((await logIn(server, account.login, PASSWORD)).value().token.length).toBe(32)
    for (const table of ['totp', 'backup_codes'] as const) {
      const rows = await server.database
        .selectFrom(table)
        .select('account_id')
        .where('account_id', '=', account.author.accountId)
        .execute()
      expect(rows).toEqual([])
    }
  })
})

describe('the secret', () => {
  it('lies under the outer layer, bound to its account and set-up', async () => {
    const { account, secret } = await enrolled()
    const other = await enrolled()
    const row = (id: Uint8Array) =>
      server.database.selectFrom('totp').selectAll().where('account_id', '=', id).executeTakeFirstOrThrow()
    const [own, foreign] = [await row(account.author.accountId), await row(other.account.author.accountId)]
    expect(Buffer.from(own.sealed).includes(Buffer.from(secret))).toBe(false)
    // Whoever can write to the database cannot put their own authenticator in.
    await server.database
      .updateTable('totp')
      .set({ sealed: foreign.sealed, enrolment_id: foreign.enrolment_id })
      .where('account_id', '=', account.author.accountId)
      .execute()
    expect((await show(await ticketOf(account), now(other.secret))).code).toBe('stored_data_damaged')
  })
})
