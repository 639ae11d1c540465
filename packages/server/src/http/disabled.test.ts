import { ROUTES, type RouteName } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hex } from '../domain/bytes.ts'
import { administer } from '../testing/admin.ts'
import { ask } from '../testing/api.ts'
import { commit, logIn, registerAccount, startLogin, storeBlob, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

const switchTo = (operation: 'disable' | 'enable', account = ann) =>
  administer(server, operation, { account: hex(account.author.accountId) })

describe('a disabled account', () => {
  it('is refused by every route that wants a session, before a body is read', async () => {
    await switchTo('disable')
    const names = (Object.keys(ROUTES) as RouteName[]).filter((name) => ROUTES[name].auth === 'session')
    expect(names.length).toBeGreaterThan(15)
    for (const name of names) {
      const { method, path } = ROUTES[name]
      const answer = await server.app.inject({
        method,
        url: path.replaceAll(/:\w+/g, 'AAAAAAAAAAAAAAAAAAAAAA'),
        headers: { authorization: `Bearer ${Buffer.from(ann.token).toString('base64url')}` },
      })
      expect(answer.json().code, name).toBe('account_disabled')
      expect(answer.statusCode, name).toBe(403)
    }
    await switchTo('enable')
  })

  it('is told to who knows the password, and to nobody else', async () => {
    await switchTo('disable')
    const known = await startLogin(server, ann.login, ann.password)
    const unknown = await startLogin(server, 'nobody-of-this-name', ann.password)
    expect(known.response.length).toBe(unknown.response.length)
    expect((await logIn(server, ann.login, ann.password)).code).toBe('account_disabled')
    const wrong = await logIn(server, ann.login, 'wrong')
    const nobody = await logIn(server, 'nobody-of-this-name', 'wrong')
    expect([wrong.code, wrong.status]).toEqual([nobody.code, nobody.status])
    expect(wrong.code).toBe('login_failed')
    await switchTo('enable')
    expect((await logIn(server, ann.login, ann.password)).code).toBe('ok')
  })

  it('gets no session from a login that was under way', async () => {
    const { loginId, finishLoginRequest } = await startLogin(server, ann.login, ann.password)
    await switchTo('disable')
    const body = { loginId, request: finishLoginRequest ?? '' }
    expect((await ask(server.app, 'loginFinish', { body })).code).toBe('account_disabled')
    await switchTo('enable')
  })

  it('is not opened by its recovery key', async () => {
    const open = (auth: Uint8Array) => ask(server.app, 'recoveryOpen', { body: { login: ann.login, auth } })
    await switchTo('disable')
    expect((await open(ann.recoveryAuth)).code).toBe('account_disabled')
    expect((await open(new Uint8Array(32))).code).toBe('recovery_failed')
    await switchTo('enable')
    expect((await open(ann.recoveryAuth)).code).toBe('ok')
  })

  it('goes on where it was: upload, commit and session work again', async () => {
    const blob = await storeBlob(ann)
    await switchTo('disable')
    const stopped = await commit(ann, { added: [{ blobId: blob.blobId }] })
    expect(stopped.code).toBe('account_disabled')
    await switchTo('enable')
    expect((await commit(ann, { added: [{ blobId: blob.blobId }] })).code).toBe('ok')
    expect((await ann.ask('account', {})).code).toBe('ok')
  })

  it('leaves others alone', async () => {
    const bob = await registerAccount(server)
    await switchTo('disable')
    expect((await bob.ask('account', {})).code).toBe('ok')
    await switchTo('enable')
  })
})
