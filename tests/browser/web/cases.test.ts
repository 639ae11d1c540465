import { source } from 'axe-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDevServer } from '../../dev-env/server.ts'
import { storedObjects } from '../../dev-env/stored-objects.ts'
import { operator } from '../../e2e/src/admin/operator.ts'
import { freshLogin, loginDevice, PASSWORD, registerDevice } from '../../e2e/src/sdk/sdk.ts'
import { readRecoveryKey, row, signIn, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const HOUR_MS = 3_600_000
const NOT_TAKEN = 'The server does not take this invitation: it is mistyped, used or too old.'

let world: WebWorld

beforeAll(async () => {
  world = await startWebWorld()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

/** What is shown instead of the app is complete for everyone. */
async function seesCalmly({ page }: Pick<Tab, 'page'>, heading: string): Promise<void> {
  await page.getByRole('heading', { name: heading }).waitFor()
  await page.evaluate(source)
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<{ violations: { id: string }[] }> } }
    return (await axe.run()).violations.map(({ id }) => id)
  })
  expect(found).toEqual([])
}

/** A new account, signed in in a fresh profile. */
async function signedIn(): Promise<Tab & { login: string }> {
  const login = freshLogin()
  await using device = await registerDevice(world.server.url, login)
  expect(device.session.identity.login).toBe(login)
  const tab = await world.openProfile()
  await signIn(tab, login, PASSWORD)
  await tab.page.getByText('This folder is empty').waitFor()
  return { ...tab, login }
}

describe('a page whose parts are not there', () => {
  it('asks for a reload after a deploy, and goes on signed in', async () => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    expect(device.session.identity.login).toBe(login)
    const tab = await world.openProfile()
    await tab.context.route('**/assets/drive-app-*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await signIn(tab, login, PASSWORD)
    await seesCalmly(tab, 'This page is out of date')
    await tab.context.unroute('**/assets/drive-app-*.js')
    await tab.page.getByRole('button', { name: 'Reload' }).click()
    await tab.page.getByText('This folder is empty').waitFor()
    await tab.context.close()
  })

  it.each(['content', 'opaque'])('says so where it cannot start a worker of the other kind: %s', async (kind) => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    expect(device.session.identity.login).toBe(login)
    const tab = await world.openProfile()
    await tab.context.route('**/assets/vault-worker-*.js', async (route) => {
      const script = await route.fetch()
      const gone = (await script.text()).replaceAll(`${kind}-worker-`, `${kind}-worker-of-another-build-`)
      await route.fulfill({ response: script, body: gone })
    })
    await tab.page.reload()
    await signIn(tab, login, PASSWORD)
    if (kind === 'content') {
      await tab.page.getByText('This folder is empty').waitFor()
      const file = { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(9_000_000, 3) }
      await tab.page.locator('input[type=file]').first().setInputFiles([file])
    }
    await tab.page.getByText('This page is older than your files. Reload it.').waitFor()
    await tab.context.close()
  })

  it('signs up without the list of common passwords', async () => {
    const tab = await world.openProfile()
    await tab.context.route('**/assets/judge-password-*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await signUp(tab, freshLogin(), PASSWORD)
    expect(tab.complaints.filter((text) => !/\b404\b/.test(text))).toEqual([])
    await tab.context.close()
  })

  it('says so where it cannot start the worker that holds the keys', async () => {
    const tab = await world.openProfile()
    await tab.context.route('**/assets/vault-worker-*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await tab.page.reload()
    await seesCalmly(tab, 'This page is out of date')
    await tab.context.unroute('**/assets/vault-worker-*.js')
    await tab.page.getByRole('button', { name: 'Reload' }).click()
    await tab.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await tab.context.close()
  })
})

describe('a browser that lacks what the app needs', () => {
  it('is told that site data are blocked', async () => {
    const tab = await world.openProfile()
    await tab.context.addInitScript(() => {
      const refuse = (): never => {
        throw new DOMException('blocked', 'SecurityError')
      }
      Object.defineProperty(window, 'localStorage', { get: refuse })
      Object.defineProperty(window, 'sessionStorage', { get: refuse })
    })
    await tab.page.reload()
    await seesCalmly(tab, 'This browser keeps nothing for this page')
    expect(tab.complaints).toEqual([])
    await tab.context.close()
  })

  it('is told that encryption needs HTTPS', async () => {
    const tab = await world.openProfile()
    await tab.context.addInitScript(() => Object.defineProperty(window, 'isSecureContext', { value: false }))
    await tab.page.reload()
    await seesCalmly(tab, 'HTTPS needed')
    await tab.context.close()
  })

  it('is told so where nothing of the app runs', async () => {
    const tab = await world.openProfile()
    await tab.context.route('**/assets/*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await tab.page.reload()
    await tab.page.getByText('Reload it, or update the browser.').waitFor()
    await tab.context.close()
  })

  it('signs in without service workers, and says that downloads need them', async () => {
    const tab = await world.openProfile()
    await tab.context.addInitScript(() => {
      Reflect.deleteProperty(Navigator.prototype, 'serviceWorker')
    })
    await tab.page.reload()
    await signUp(tab, freshLogin(), PASSWORD)
    await uploadFiles(tab, [{ name: 'kept.txt', bytes: Buffer.from('kept') }])
    await row(tab, 'kept.txt').getByRole('checkbox').check()
    await tab.page.getByRole('button', { name: 'Download', exact: true }).click()
    await tab.page.getByText(/^Downloads need a browser that allows service workers/).waitFor()
    await tab.context.close()
  })
})

describe('a tab that nobody uses', () => {
  it('locks itself and all others after an hour, not while another one is used, and opens by password', async () => {
    const tab = await signedIn()
    const second = await tab.context.newPage()
    await tab.context.clock.install()
    await tab.page.reload()
    await tab.page.getByText('This folder is empty').waitFor()
    await second.goto(world.server.url)
    await second.getByText('This folder is empty').waitFor()
    await second.clock.fastForward(0.9 * HOUR_MS)
    await second.keyboard.press('Shift')
    await tab.page.clock.fastForward(0.5 * HOUR_MS)
    expect(await tab.page.getByText('This folder is empty').isVisible()).toBe(true)
    await tab.page.clock.fastForward(2 * HOUR_MS)
    await tab.page.getByText('Locked after a while without use. Sign in again.').waitFor()
    await second.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await signIn(tab, tab.login, 'a wrong password')
    await tab.page.getByText('Login name or password is wrong.').waitFor()
    await signIn(tab, tab.login, PASSWORD)
    await tab.page.getByText('This folder is empty').waitFor()
    await tab.context.close()
  })
})

describe('an account that changes elsewhere', () => {
  it('is signed out when its password is changed on another device', async () => {
    const tab = await signedIn()
    await using device = await loginDevice(world.server.url, tab.login)
    const newPassword = `${PASSWORD} and more`
    await device.session.changePassword({ current: PASSWORD, next: newPassword })
    await tab.page.getByText('You were signed out. Sign in again.').waitFor()
    await signIn(tab, tab.login, newPassword)
    await tab.page.getByText('This folder is empty').waitFor()
    await tab.context.close()
  })

  it('stops everything at a download that does not verify, and saves nothing of it', async () => {
    const tab = await signedIn()
    const objects = storedObjects(world.server)
    const before = new Set(await objects.ids())
    await uploadFiles(tab, [{ name: 'changed.bin', bytes: Buffer.alloc(400_000, 7) }])
    const [id = ''] = (await objects.ids()).filter((one) => !before.has(one))
    await objects.change(id, (bytes) => {
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      return bytes
    })
    await row(tab, 'changed.bin').getByRole('checkbox').check()
    const saved: string[] = []
    tab.page.on('download', (download) => {
      void download.failure().then((failure) => failure ?? saved.push(download.suggestedFilename()))
    })
    await tab.page.getByRole('button', { name: 'Download', exact: true }).click()
    await tab.page.locator('main.stop [role=alert]').waitFor()
    expect(saved).toEqual([])
    await tab.context.close()
  })

  it('is told that its room is used up, and goes on once there is more', async () => {
    const tab = await signedIn()
    const admin = operator(world.server.settings)
    await admin.ok('quota', tab.login, '1M')
    const bytes = Buffer.alloc(3_000_000, 3)
    const file = { name: 'large.bin', mimeType: 'application/octet-stream', buffer: bytes }
    await tab.page.locator('input[type=file]').first().setInputFiles([file])
    await tab.page
      .getByText(/^There is not enough room left/)
      .first()
      .waitFor()
    await admin.ok('quota', tab.login, 'default')
    await tab.page.getByRole('button', { name: 'Try again' }).first().click()
    await row(tab, 'large.bin').waitFor()
    await tab.context.close()
  })
})

describe('a server that takes invited people', () => {
  it('says what is wrong with an invitation, and takes a good one once', async () => {
    const invited = await startDevServer({ env: { LOG_LEVEL: 'silent', REGISTRATION: 'invite' } })
    try {
      const { code } = await operator(invited.settings).json<{ code: string }>('invite')
      const first = await world.openProfile()
      const attempt = async ({ page }: Tab, invitation: string): Promise<void> => {
        await page.goto(invited.url)
        await page.getByRole('button', { name: 'Create account' }).click()
        await page.getByLabel('Invitation').fill(invitation)
        await page.getByLabel('Login name').fill(freshLogin())
        await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
        await page.getByLabel('Password again').fill(PASSWORD)
        await page.getByRole('button', { name: 'Continue' }).click()
      }
      await attempt(first, 'wrong')
      await first.page.getByText(NOT_TAKEN).waitFor()
      await first.page.goto('about:blank')
      await attempt(first, code)
      const recoveryKey = await readRecoveryKey(first.page)
      await first.page.getByRole('button', { name: 'I have saved it' }).click()
      await first.page.getByLabel('Recovery key').fill(recoveryKey)
      await first.page.getByRole('button', { name: 'Finish' }).click()
      await first.page.getByText('This folder is empty').waitFor()
      await first.context.close()
      const late = await world.openProfile()
      await attempt(late, code)
      await late.page.getByText(NOT_TAKEN).waitFor()
      await late.context.close()
    } finally {
      await invited.stop()
    }
  })
})
