import { randomBytes } from 'node:crypto'
import { auditEntryMessage } from '@strongroom/crypto/envelope'
import { type RawBuilder, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../testing/api.ts'
import { logIn, registerAccount, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { removeUnfinished } from '../accounts/login-state.ts'
import { sha256 } from '../bytes.ts'
import { foldAudits } from './fold.ts'
import { recordAudit } from './record.ts'
import { type AuditFault, verifyAudits } from './verify.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const lease = { step: async () => undefined }

async function page(account: TestAccount, from?: number) {
  return (await account.ask('auditRead', { query: from === undefined ? {} : { from } })).value()
}

async function events(account: TestAccount): Promise<string[]> {
  return (await page(account)).entries.map((entry) => entry.event)
}

/** Logs in with a wrong password, as a client that sends the third message all the same. */
async function guess(login: string): Promise<void> {
  expect((await logIn(server, login, 'wrong')).code).toBe('login_failed')
}

async function folds(): Promise<number> {
  const found = await sql<{ count: number }>`SELECT count(*) AS count FROM audit_folds`.execute(server.database)
  return Number(found.rows[0]?.count)
}

describe('the audit log', () => {
  it('is a chain from the registration on, whose hashes anyone can compute', async () => {
    const account = await registerAccount(server)
    await logIn(server, account.login, account.password)
    const { head, from, previousHash, entries } = await page(account)
    expect(entries.map((entry) => entry.event)).toEqual(['registered', 'signed_in'])
    expect([from, Buffer.from(previousHash ?? []).toString('hex')]).toEqual([1, '00'.repeat(32)])
    let hash: Uint8Array = previousHash ?? new Uint8Array()
    for (const [index, entry] of entries.entries()) {
      hash = sha256(auditEntryMessage({ ...entry, accountId: account.author.accountId, seq: index + 1 }, hash))
    }
    expect(head.seq).toBe(2)
    expect(Buffer.compare(hash, head.hash)).toBe(0)
    expect((await account.ask('account', {})).value().audit).toEqual(head)
  })

  it('tells sessions apart, and their devices once they have said which they are', async () => {
    const account = await registerAccount(server)
    const deviceId = new Uint8Array(randomBytes(16))
    await account.ask('sessionDevice', { body: { deviceId } })
    await account.ask('sessionDevice', { body: { deviceId } })
    await logIn(server, account.login, account.password)
    const { sessions } = (await account.ask('sessionsList', {})).value()
    const other = sessions.find((session) => !session.current)
    await account.ask('sessionRevoke', { params: { sessionId: other?.sessionId ?? new Uint8Array(16) } })
    await account.ask('sessionsRevokeOthers', {})
    const { entries } = await page(account)
    expect(entries.map((entry) => entry.event)).toEqual(['registered', 'device_named', 'signed_in', 'session_revoked'])
    expect(entries[1]).toMatchObject({ deviceId, sessionId: entries[0]?.sessionId })
    expect(entries[3]).toMatchObject({ deviceId: null, sessionId: entries[2]?.sessionId })
    await account.ask('logout', {})
    const stored = await server.database
      .selectFrom('audit_entries')
      .selectAll()
      .where('account_id', '=', account.author.accountId)
      .orderBy('seq', 'desc')
      .executeTakeFirstOrThrow()
    expect(stored).toMatchObject({ seq: 5, event: 'signed_out' })
  })

  it('notes once a day that a session was used again', async () => {
    const account = await registerAccount(server)
    for (let day = 0; day < 2; day += 1) {
      server.clock.advance(24 * 60 * 60 * 1000)
      await Promise.all(Array.from({ length: 4 }, () => account.ask('sessionsList', {})))
      await account.ask('sessionsList', {})
    }
    expect(await events(account)).toEqual(['registered', 'keys_released', 'keys_released'])
  })

  it('keeps nothing of a request that fails', async () => {
    const account = await registerAccount(server)
    const answer = await account.ask('sessionRevoke', { params: { sessionId: new Uint8Array(16) } })
    expect(answer.code).toBe('not_found')
    expect(await events(account)).toEqual(['registered'])
  })

  it('is read in pages, from any entry on', async () => {
    const account = await registerAccount(server)
    for (let i = 0; i < 4; i += 1) await recordAudit(server, server.database, account.author.accountId, 'enabled')
    const whole = await page(account, 1)
    const rest = await page(account, 4)
    expect(rest.entries).toEqual(whole.entries.slice(3))
    const beyond = await page(account, 6)
    expect([beyond.entries, beyond.previousHash]).toEqual([[], whole.head.hash])
    expect((await page(account, 7)).previousHash).toBeNull()
  })

  it('shows one account nothing of another', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    await recordAudit(server, server.database, ann.author.accountId, 'disabled')
    expect(await events(bob)).toEqual(['registered'])
    expect((await ask(server.app, 'auditRead', { query: {} })).code).toBe('unauthenticated')
  })

  it('never stands in the way of sessions that are ended from several sides at once', async () => {
    const account = await registerAccount(server)
    for (let i = 0; i < 6; i += 1) await logIn(server, account.login, account.password)
    const { sessions } = (await account.ask('sessionsList', {})).value()
    const others = sessions.filter((session) => !session.current)
    const answers = await Promise.all([
      ...others.map(({ sessionId }) => account.ask('sessionRevoke', { params: { sessionId } })),
      account.ask('sessionsRevokeOthers', {}),
      ...others.map(({ sessionId }) => account.ask('sessionRevoke', { params: { sessionId } })),
    ])
    for (const answer of answers) expect(['ok', 'not_found']).toContain(answer.code)
    expect((await account.ask('sessionsList', {})).value().sessions).toHaveLength(1)
  })

  it('appends from many requests at once without a gap or a fork', async () => {
    const account = await registerAccount(server)
    const { accountId } = account.author
    await Promise.all(
      Array.from({ length: 20 }, () => recordAudit(server, server.database, accountId, 'epoch_started')),
    )
    expect((await page(account)).head.seq).toBe(21)
  })
})

describe('failed sign-ins', () => {
  it('of a flood become one entry with their number, before the next sign-in or when they are read', async () => {
    const account = await registerAccount(server)
    for (let i = 0; i < 5; i += 1) await guess(account.login)
    await logIn(server, account.login, account.password)
    await guess(account.login)
    const { entries } = await page(account)
    expect(entries.map(({ event, count }) => [event, count])).toEqual([
      ['registered', 1],
      ['sign_in_failed', 5],
      ['signed_in', 1],
      ['sign_in_failed', 1],
    ])
  })

  it('are written down once a minute', async () => {
    const account = await registerAccount(server)
    for (let minute = 0; minute < 3; minute += 1) {
      for (let i = 0; i < 3; i += 1) await guess(account.login)
      await foldAudits(server, lease)
    }
    const stored = await server.database
      .selectFrom('audit_entries')
      .select(['event', 'count'])
      .where('account_id', '=', account.author.accountId)
      .where('event', '=', 'sign_in_failed')
      .execute()
    expect(stored.map((row) => row.count)).toEqual([3, 3, 3])
  })

  it('count too when the third message is never sent: the second tells a guesser all', async () => {
    const account = await registerAccount(server)
    const { client } = await import('@serenity-kit/opaque')
    const start = client.startLogin({ password: 'guess' })
    await ask(server.app, 'loginStart', { body: { login: account.login, request: start.startLoginRequest } })
    expect(await events(account)).toEqual(['registered'])
    server.clock.advance(61_000)
    await removeUnfinished(server)
    expect(await events(account)).toEqual(['registered', 'sign_in_failed'])
  })

  it('of unknown accounts are counted by the same statement, and leave nothing', async () => {
    await foldAudits(server, lease)
    const before = await folds()
    await guess('nobody-there')
    await guess('nobody-there')
    expect(await folds()).toBe(before + 1)
    await foldAudits(server, lease)
    expect(await folds()).toBe(0)
  })
})

describe('the verification of all logs', () => {
  const nothing = async () => undefined

  async function faultsOf(account: TestAccount) {
    const faults: [number, string][] = []
    const report = async ({ seq, fault }: AuditFault) => void faults.push([seq, fault])
    await verifyAudits(server.database, { accountId: account.author.accountId, step: nothing, report })
    return faults
  }

  it('finds every log in order', async () => {
    const result = await verifyAudits(server.database, { step: nothing, report: nothing })
    expect(result.faulty).toBe(0)
    expect(result.accounts).toBeGreaterThan(5)
    expect(result.without).toBe(0)
  })

  const attacks: Record<string, [(id: Uint8Array) => RawBuilder<unknown>, [number, string]]> = {
    'an edited event': [
      (id) => sql`UPDATE audit_entries SET event = 'enabled' WHERE account_id = ${id} AND seq = 3`,
      [3, 'changed'],
    ],
    'an edited time': [
      (id) => sql`UPDATE audit_entries SET time_ms = time_ms + 1 WHERE account_id = ${id} AND seq = 1`,
      [1, 'changed'],
    ],
    'an event that no server writes': [
      (id) => sql`UPDATE audit_entries SET event = 'É' WHERE account_id = ${id} AND seq = 2`,
      [2, 'changed'],
    ],
    'another session': [
      (id) => sql`UPDATE audit_entries SET session_id = NULL WHERE account_id = ${id} AND seq = 1`,
      [1, 'changed'],
    ],
    'a deleted entry': [(id) => sql`DELETE FROM audit_entries WHERE account_id = ${id} AND seq = 2`, [2, 'missing']],
    'a deleted beginning': [
      (id) => sql`DELETE FROM audit_entries WHERE account_id = ${id} AND seq = 1`,
      [1, 'missing'],
    ],
    'a cut end': [(id) => sql`DELETE FROM audit_entries WHERE account_id = ${id} AND seq = 5`, [5, 'missing']],
    'entries in another order': [
      (id) => sql`UPDATE audit_entries SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END
        WHERE account_id = ${id} AND seq IN (2, 3)`,
      [2, 'changed'],
    ],
    'a replayed entry': [
      (id) => sql`WITH e AS (SELECT * FROM audit_entries WHERE account_id = ${id} AND seq = 2)
        UPDATE audit_entries t SET time_ms = e.time_ms, event = e.event, hash = e.hash FROM e
        WHERE t.account_id = ${id} AND t.seq = 4`,
      [4, 'changed'],
    ],
    'a head that was set back': [
      (id) => sql`UPDATE audit_heads h SET hash = e.hash FROM audit_entries e
        WHERE h.account_id = ${id} AND e.account_id = ${id} AND e.seq = 4`,
      [5, 'head'],
    ],
  }

  it.each(Object.keys(attacks))('finds %s, and at which entry', async (name) => {
    const [attack, fault] = attacks[name] ?? []
    const account = await registerAccount(server)
    const { accountId } = account.author
    for (const event of ['signed_in', 'signed_out', 'disabled', 'signed_in'] as const) {
      await recordAudit(server, server.database, accountId, event)
    }
    expect(await faultsOf(account)).toEqual([])
    await sql`ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_seq_check`.execute(server.database)
    await attack?.(accountId).execute(server.database)
    await sql`UPDATE audit_entries SET seq = -seq WHERE seq < 0`.execute(server.database)
    await sql`ALTER TABLE audit_entries ADD CHECK (seq >= 1)`.execute(server.database)
    expect(await faultsOf(account)).toEqual([fault])
    await removeLog(accountId)
  })

  async function removeLog(accountId: Uint8Array): Promise<void> {
    await sql`DELETE FROM audit_entries WHERE account_id = ${accountId}`.execute(server.database)
    await sql`DELETE FROM audit_heads WHERE account_id = ${accountId}`.execute(server.database)
    await sql`DELETE FROM audit_folds WHERE account_id = ${accountId}`.execute(server.database)
  }

  it('finds that a log was removed as a whole, also once it has begun anew', async () => {
    const account = await registerAccount(server)
    const { accountId } = account.author
    await removeLog(accountId)
    expect(await faultsOf(account)).toEqual([[1, 'missing']])
    expect((await verifyAudits(server.database, { step: nothing, report: nothing })).faulty).toBeGreaterThan(0)
    await recordAudit(server, server.database, accountId, 'signed_in')
    expect(await faultsOf(account)).toEqual([[1, 'missing']])
  })

  it('counts accounts from before there were logs, and takes what theirs begins with', async () => {
    const account = await registerAccount(server)
    const { accountId } = account.author
    const move = (time: RawBuilder<unknown>) =>
      sql`UPDATE migrations SET applied_at = ${time} WHERE version = 7`.execute(server.database)
    await removeLog(accountId)
    await move(sql`now() + interval '100 years'`)
    try {
      const verified = { accountId, step: nothing, report: nothing }
      expect(await verifyAudits(server.database, verified)).toMatchObject({ without: 1, faulty: 0 })
      await recordAudit(server, server.database, accountId, 'signed_in')
      expect(await faultsOf(account)).toEqual([])
    } finally {
      await move(sql`(SELECT applied_at FROM migrations WHERE version = 1)`)
    }
  })
})
