import { mkdir } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startDevServer } from '../../dev-env/server.ts'
import { inspect, PICTURES } from './inspect.ts'
import { startWebWorld, type WebWorld } from './tab.ts'

const HOUR_MS = 3_600_000

let world: WebWorld

async function fillSignUp(page: Page, [first, second]: readonly [string, string]): Promise<void> {
  await page.getByLabel('Login name').fill('somebody@example.org')
  await page.getByLabel('Password', { exact: true }).fill(first)
  await page.getByLabel('Password again').fill(second)
}

// What accessibility.test.ts, which every run has, does not pass by.
describe.runIf(process.env.STRONGROOM_SOAK === '1')('screens of nobody', { timeout: HOUR_MS }, () => {
  beforeAll(async () => {
    await mkdir(PICTURES, { recursive: true })
    world = await startWebWorld()
  })
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
  })

  it('around signing in', async () => {
    const { page, context } = await world.openProfile()
    await page.getByLabel('Login name').fill('nobody')
    await page.getByLabel('Password', { exact: true }).fill('a wrong password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Login name or password is wrong.').waitFor()
    await inspect(page, 'sign-in-wrong')
    await page.getByRole('button', { name: 'Create account' }).click()
    await fillSignUp(page, ['correct horse', 'another horse'])
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('The two passwords differ.').waitFor()
    await inspect(page, 'sign-up-differs')
    await fillSignUp(page, ['short', 'short'])
    await page.getByRole('button', { name: 'Continue' }).click()
    await inspect(page, 'sign-up-short')
    await fillSignUp(page, ['violet anchors sing to dusty maps', ''])
    await page
      .getByRole('status')
      .filter({ hasText: /Strong$/ })
      .waitFor()
    await inspect(page, 'sign-up-strong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Forgot your password?' }).click()
    await page.getByLabel('Login name').fill('nobody')
    await page.getByLabel('Recovery key').fill('0000-1111-2222')
    await page.getByLabel('New password').fill('violet anchors sing')
    await page.getByLabel('Password again').fill('violet anchors')
    await page.getByRole('button', { name: 'Set new password' }).click()
    await page.getByText('This is not spelt right.').waitFor()
    await inspect(page, 'forgot-misspelt')
    await context.close()
  })

  it('where the app cannot start', async () => {
    const { page, context } = await world.openProfile()
    await context.route('**/assets/vault-worker-*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await page.reload()
    await page.getByText('This page is out of date').waitFor()
    await inspect(page, 'halt-out-of-date')
    await context.unroute('**/assets/vault-worker-*.js')
    await context.route('**/assets/*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await page.reload()
    await page.getByText('Reload it, or update the browser.').waitFor()
    await inspect(page, 'halt-nothing-runs')
    await context.close()
    const plain = await world.openProfile()
    await plain.context.addInitScript(() => Object.defineProperty(window, 'isSecureContext', { value: false }))
    await plain.page.reload()
    await plain.page.getByText('HTTPS needed').waitFor()
    await inspect(plain.page, 'halt-plain-http')
    await plain.context.close()
    const blocked = await world.openProfile()
    await blocked.context.addInitScript(() => {
      Object.defineProperty(window, 'localStorage', {
        get() {
          throw new DOMException('blocked', 'SecurityError')
        },
      })
    })
    await blocked.page.reload()
    await blocked.page.getByText('This browser keeps nothing for this page').waitFor()
    await inspect(blocked.page, 'halt-blocked')
    await blocked.context.close()
  })

  it('of servers that take invited people, or nobody', async () => {
    for (const registration of ['invite', 'closed']) {
      const server = await startDevServer({ env: { LOG_LEVEL: 'silent', REGISTRATION: registration } })
      try {
        const { page, context } = await world.openProfile()
        await page.goto(server.url)
        await page.getByRole('button', { name: 'Create account' }).click()
        await page.getByText(/takes (invited people only|no new accounts)/).waitFor()
        await inspect(page, `sign-up-${registration}`)
        await context.close()
      } finally {
        await server.stop()
      }
    }
  })

  it('without script', async () => {
    const { context: other } = await world.openProfile()
    const context = await other.browser()?.newContext({ javaScriptEnabled: false })
    if (context === undefined) throw new Error('The tab has a browser.')
    const page = await context.newPage()
    for (const [size, width] of Object.entries({ desktop: 1440, phone: 390 })) {
      await page.setViewportSize({ width, height: 844 })
      await page.goto(world.server.url)
      await page.screenshot({ path: `${PICTURES}/no-script-${size}.png` })
    }
    await context.close()
    await other.close()
  })
})
