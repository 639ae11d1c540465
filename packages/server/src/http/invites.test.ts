import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inviteHash } from '../domain/accounts/invite-code.ts'
import { administer } from '../testing/admin.ts'
import { ask } from '../testing/api.ts'
import { DAY_MS, usedBytes } from '../testing/collection.ts'
import { prepareRegistration, registerAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

const PASSWORD = 'correct horse battery staple'

let open: TestServer
let server: TestServer
beforeAll(async () => {
  // Prepares registrations and shares everything with the one that wants invitations.
  open = await createTestServer()
  server = await createTestServer({ beside: open, registration: 'invite' })
})
afterAll(async () => {
  await server.close()
  await open.close()
})

interface Made {
  invite: string
  code: string
}
const invite = async (input: object = {}): Promise<Made> => {
  const defaults = { uses: 1, expiresDays: 14, quotaBytes: null }
  return (await administer(server, 'invite-create', { ...defaults, ...input })).result
}
let names = 0
const prepare = (login = `user-${names++}`) => prepareRegistration(open, { login, password: PASSWORD })
type Prepared = Awaited<ReturnType<typeof prepare>>

/** Both requests as a client sends them; the answer's code, with the reason. */
async function register(prepared: Prepared, code?: string): Promise<string> {
  const withCode = code === undefined ? {} : { invite: code }
  const answer = await ask(server.app, 'registerFinish', { body: { ...prepared.body, ...withCode } })
  return answer.details.reason === undefined ? answer.code : `${answer.code} ${String(answer.details.reason)}`
}
async function start(code?: string): Promise<string> {
  const body = { login: 'ann', request: 'AAAA', ...(code === undefined ? {} : { invite: code }) }
  const answer = await ask(server.app, 'registerStart', { body })
  return answer.details.reason === undefined ? answer.code : `${answer.code} ${String(answer.details.reason)}`
}

async function usesOf(made: Made): Promise<number> {
  const row = await server.database
    .selectFrom('invites')
    .select('uses')
    .where('id', '=', Buffer.from(made.invite, 'hex'))
    .executeTakeFirstOrThrow()
  return row.uses
}

describe('a server that wants invitations', () => {
  it('says so, and takes nobody without one, before any work is done', async () => {
    expect((await ask(server.app, 'info', {})).value().registration).toBe('invite')
    expect(await start()).toBe('invite_required')
    expect(await register(await prepare())).toBe('invite_required')
    expect(await start('AAAAA-AAAAA-AAAAA-AAAAA')).toBe('invite_invalid unknown')
    expect(await register(await prepare(), 'short')).toBe('invite_invalid unknown')
    // Past the invitation, the OPAQUE message is looked at.
    expect(await start((await invite()).code)).toBe('bad_request')
  })

  it('makes one account with a code, and tells who comes later why not', async () => {
    const made = await invite()
    expect(await register(await prepare(), made.code)).toBe('ok')
    expect(await register(await prepare(), made.code)).toBe('invite_invalid used')
    expect(await start(made.code)).toBe('invite_invalid used')
    expect(await usesOf(made)).toBe(1)
  })

  it('reads a code as people write it', async () => {
    const made = await invite({ uses: 3 })
    expect(await register(await prepare(), made.code.toLowerCase().replaceAll('-', ' '))).toBe('ok')
    expect(await register(await prepare(), made.code.replaceAll('-', '').replaceAll('0', 'o'))).toBe('ok')
    expect(await register(await prepare(), ` ${made.code.replaceAll('1', 'l')} `)).toBe('ok')
    expect(await register(await prepare(), made.code)).toBe('invite_invalid used')
  })

  it('stores no code', async () => {
    const made = await invite()
    const rows = await server.database.selectFrom('invites').selectAll().execute()
    const dump = Buffer.concat(rows.flatMap((row) => [Buffer.from(row.code_hash), Buffer.from(row.id)]))
    expect(dump.includes(made.code)).toBe(false)
    expect(dump.includes(Buffer.from(inviteHash(made.code) ?? []))).toBe(true)
  })

  it('takes no code that was revoked or has expired, and keeps the accounts that came by it', async () => {
    const revoked = await invite({ uses: 5 })
    const prepared = await prepare()
    expect(await register(prepared, revoked.code)).toBe('ok')
    await administer(server, 'invite-revoke', { invite: revoked.invite })
    await administer(server, 'invite-revoke', { invite: revoked.invite })
    expect(await register(await prepare(), revoked.code)).toBe('invite_invalid revoked')
    const short = await invite({ expiresDays: 1 })
    server.clock.advance(DAY_MS + 1)
    expect(await register(await prepare(), short.code)).toBe('invite_invalid expired')
    const endless = await invite({ expiresDays: null })
    server.clock.advance(4_000 * DAY_MS)
    expect(await register(await prepare(), endless.code)).toBe('ok')
    const missing = administer(server, 'invite-revoke', { invite: '0'.repeat(32) })
    await expect(missing).rejects.toMatchObject({ code: 'not_found' })
  })

  it('lets one of several racing registrations with a code win', async () => {
    const made = await invite({ uses: 2 })
    const all = await Promise.all(Array.from({ length: 6 }, () => prepare()))
    const answers = await Promise.all(all.map((prepared) => register(prepared, made.code)))
    expect(answers.sort()).toEqual([...Array(4).fill('invite_invalid used'), 'ok', 'ok'])
    expect(await usesOf(made)).toBe(2)
  })

  it('uses nothing up for a registration that fails', async () => {
    const made = await invite()
    const ann = await registerAccount(open)
    const prepared = await prepare()
    expect(await register({ ...prepared, body: { ...prepared.body, login: ann.login } }, made.code)).toBe('login_taken')
    expect(await register({ ...prepared, body: { ...prepared.body, record: 'AAAA' } }, made.code)).toBe('bad_request')
    expect(await usesOf(made)).toBe(0)
    expect(await register(prepared, made.code)).toBe('ok')
  })

  it('tells who repeats a registration that its account is there, not that the code is used', async () => {
    const made = await invite()
    const prepared = await prepare()
    expect(await register(prepared, made.code)).toBe('ok')
    expect(await register(prepared, made.code)).toBe('login_taken')
    await administer(server, 'invite-revoke', { invite: made.invite })
    expect(await register(prepared, made.code)).toBe('login_taken')
    expect(await usesOf(made)).toBe(1)
  })

  it('tells nobody without an invitation which login names are taken', async () => {
    const ann = await registerAccount(open)
    const used = await invite()
    expect(await register(await prepare(), used.code)).toBe('ok')
    for (const code of [undefined, 'AAAAA-AAAAA-AAAAA-AAAAA', used.code]) {
      const taken = await prepare()
      const answers = [
        await register({ ...taken, body: { ...taken.body, login: ann.login } }, code),
        await register(await prepare(), code),
      ]
      expect(answers[0]).toBe(answers[1])
    }
  })

  it('gives the quota of the invitation', async () => {
    const made = await invite({ quotaBytes: 12_345 })
    const prepared = await prepare()
    const { token } = (
      await ask(server.app, 'registerFinish', { body: { ...prepared.body, invite: made.code } })
    ).value()
    expect((await ask(server.app, 'account', { token })).value().quotaBytes).toBe(12_345)
    expect(await usedBytes(server, prepared.author.accountId)).toBe(0)
  })

  it('counts whoever tries codes', async () => {
    const strict = await createTestServer({ beside: open, registration: 'invite', attemptsPerMinute: 20 })
    const answers: string[] = []
    for (let times = 0; times < 25; times += 1) {
      const body = { login: 'ann', request: 'AAAA', invite: `AAAAA-AAAAA-AAAAA-AAA${String(times).padStart(2, '0')}` }
      answers.push((await ask(strict.app, 'registerStart', { body })).code)
    }
    expect(answers.at(-1)).toBe('too_many_requests')
    await strict.close()
  })
})

describe('other policies', () => {
  it('an open server needs no code, but refuses a wrong one and gives a right one’s quota', async () => {
    const prepared = await prepare()
    const wrong = await ask(open.app, 'registerFinish', {
      body: { ...prepared.body, invite: 'AAAAA-AAAAA-AAAAA-AAAAA' },
    })
    expect(wrong.code).toBe('invite_invalid')
    const made = await invite({ quotaBytes: 5 })
    const { token } = (await ask(open.app, 'registerFinish', { body: { ...prepared.body, invite: made.code } })).value()
    expect((await ask(open.app, 'account', { token })).value().quotaBytes).toBe(5)
  })

  it('a closed server takes nobody, also not with a code', async () => {
    const closed = await createTestServer({ beside: open, registration: 'closed' })
    const made = await invite()
    const prepared = await prepare()
    const answer = await ask(closed.app, 'registerFinish', { body: { ...prepared.body, invite: made.code } })
    expect(answer.code).toBe('registration_closed')
    await closed.close()
  })
})

describe('the list of invitations', () => {
  it('shows those that can be used, or all, without their codes', async () => {
    const made = await invite({ uses: 2, quotaBytes: 7 })
    const used = await invite()
    await register(await prepare(), used.code)
    const list = async (input: object) =>
      (await administer(server, 'invite-list', input)).result as { invites: object[] }
    const current = await list({})
    expect(current.invites[0]).toMatchObject({ invite: made.invite, uses: 2, used: 0, quotaBytes: 7, revokedMs: null })
    expect(JSON.stringify(current)).not.toContain(used.invite)
    const all = JSON.stringify(await list({ all: true }))
    expect(all).toContain(used.invite)
    expect(all).not.toContain(made.code)
  })
})
