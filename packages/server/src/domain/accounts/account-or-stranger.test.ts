import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../testing/api.ts'
import { registerAccount, startLogin } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { accountOrStranger } from './account-or-stranger.ts'

let server: TestServer

beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

describe('a login name', () => {
  it('leads to a stranger in a service without accounts', async () => {
    const nobody = await accountOrStranger(server, 'nobody')
    expect(nobody).toMatchObject({ isStranger: true, opaqueRecord: server.setup.strangerRecord })
  })

  it('leads to its account, and every other one to the same stranger each time', async () => {
    const accounts = []
    for (let made = 0; made < 4; made += 1) accounts.push(await registerAccount(server))
    for (const { login, author } of accounts) {
      const known = await accountOrStranger(server, login)
      expect(known.isStranger).toBe(false)
      expect(Buffer.from(known.id).equals(author.accountId)).toBe(true)
      expect(known.opaqueRecord).not.toBe(server.setup.strangerRecord)
    }
    // Hashes of which some stand before, some between and some behind those of the accounts.
    for (let name = 0; name < 40; name += 1) {
      const nobody = await accountOrStranger(server, `nobody-${name}`)
      expect(nobody).toMatchObject({ isStranger: true, opaqueRecord: server.setup.strangerRecord })
      expect(nobody.recoveryAuthHash).toEqual(Buffer.alloc(32))
      expect(await accountOrStranger(server, `nobody-${name}`)).toEqual(nobody)
      expect(accounts.some(({ author }) => Buffer.from(nobody.id).equals(author.accountId))).toBe(false)
    }
  })

  it('has columns, an answer and a stored state of one size, whether it has an account or not', async () => {
    const { login } = await registerAccount(server)
    const sizes = []
    for (const name of [login, 'somebody-else']) {
      const { id, opaqueRecord, recoveryAuthHash } = await accountOrStranger(server, name)
      const { loginId } = await startLogin(server, name, 'wrong')
      const stored = await server.database
        .selectFrom('login_states')
        .select('sealed')
        .where('id', '=', loginId)
        .executeTakeFirstOrThrow()
      sizes.push([id.length, opaqueRecord.length, recoveryAuthHash.length, stored.sealed.length])
    }
    expect(sizes[0]).toEqual(sizes[1])
  })

  it('without an account opens nothing by a recovery key whose hash would be that of a stranger', async () => {
    const answer = await ask(server.app, 'recoveryOpen', { body: { login: 'nobody', auth: new Uint8Array(32) } })
    expect(answer.code).toBe('recovery_failed')
  })
})
