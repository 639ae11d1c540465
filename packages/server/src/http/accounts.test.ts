import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logIn, registerAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

describe('registration and login', () => {
  it('give back the sealed keys to who knows the password', async () => {
    const account = await registerAccount(server, { login: 'Ann@Example.org' })
    const answer = (await logIn(server, ' ann@example.ORG', account.password)).value()
    expect(answer.accountId).toEqual(account.author.accountId)
    expect(answer.passwordEnvelope).toEqual(account.passwordEnvelope)
    expect(answer.keyring).toEqual(account.keyring)
    const own = (await account.ask('account', { token: answer.token })).value()
    expect(own.usedBytes).toBe(0)
  })
})
