import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../dev-env/server.ts'
import { operator } from '../../e2e/src/admin/operator.ts'
import { freshLogin, loginDevice, PASSWORD } from '../../e2e/src/sdk/sdk.ts'
import { row, signIn, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const DIST = fileURLToPath(new URL('../../../apps/web/dist', import.meta.url))
const MOST_SCRIPT_BYTES = 250 * 1024

const login = freshLogin()
let world: WebWorld
let tab: Tab
let again: DevServer | null = null

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
})
afterAll(async () => {
  await again?.stop()
  await world?.[Symbol.asyncDispose]()
})

/** Compressed bytes of a script as the server sends it. */
function compressedSize(address: string): number {
  const build = readFileSync(path.join(DIST, 'current'), 'utf8').trim()
  return statSync(path.join(DIST, build, `${address}.br`)).size
}

describe('before sign-in', () => {
  it('loads less than 250 KiB of compressed script, and nothing that stretches passwords', async () => {
    const { page } = tab
    const scripts = new Set<string>()
    tab.context.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.endsWith('.js')) scripts.add(pathname)
    })
    await page.reload()
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await page.waitForLoadState('networkidle')
    // Whether or not the browser tells of the worker's own request, the worker counts.
    for (const address of tab.sent.map((url) => (URL.canParse(url) ? new URL(url).pathname : ''))) {
      if (address.endsWith('.js')) scripts.add(address)
    }
    expect([...scripts].some((address) => address.includes('/vault-worker-'))).toBe(true)
    expect([...scripts].filter((address) => /opaque|drive-app|judge/.test(address))).toEqual([])
    expect([...scripts].reduce((sum, address) => sum + compressedSize(address), 0)).toBeLessThan(MOST_SCRIPT_BYTES)
  })
})

describe('a tab', () => {
  it('keeps no token where a script finds it', async () => {
    await signUp(tab, login, PASSWORD)
    await uploadFiles(tab, [{ name: 'here.txt', bytes: Buffer.from('here') }])
    const cookies = await tab.context.cookies()
    const session = cookies.find(({ name }) => /^__Host-strongroom-[\w-]{43}$/.test(name))
    expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/', expires: -1 })
    const found = await tab.page.evaluate(async () => {
      const databases = await Promise.all((await indexedDB.databases()).map(({ name }) => name))
      return JSON.stringify([document.cookie, { ...sessionStorage }, { ...localStorage }, databases])
    })
    const { value = '?' } = session ?? {}
    expect(found).not.toContain(value)
    expect(Buffer.from(found.match(/"strongroom":"([^"]+)"/)?.[1] ?? '', 'base64').toString()).not.toContain(value)
  })

  it('says that the server is away, and goes on when it is back', async () => {
    const { server } = world
    await server.kill9()
    await tab.page.getByText(/^No connection to the server/).waitFor()
    await row(tab, 'here.txt').waitFor()
    const port = Number(new URL(server.url).port)
    again = await startDevServer({ dataDir: server.dataDir, port, env: { LOG_LEVEL: 'silent' } })
    await tab.page.getByText(/^No connection to the server/).waitFor({ state: 'detached' })
    await uploadFiles(tab, [{ name: 'later.txt', bytes: Buffer.from('later') }])
    await row(tab, 'later.txt').waitFor()
  })

  it('is signed out when its session is ended from elsewhere, and loses its cookie', async () => {
    await using device = await loginDevice(world.server.url, login)
    expect(await device.session.revokeOtherSessions()).toBeGreaterThan(0)
    await tab.page.getByText('You were signed out. Sign in again.').waitFor()
    expect((await tab.context.cookies()).filter(({ name }) => name.length > 40)).toEqual([])
    await tab.page.reload()
    await tab.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await signIn(tab, login, PASSWORD)
    await row(tab, 'later.txt').waitFor()
  })

  it('shows that its account is disabled, and opens again once it is not', async () => {
    const admin = operator({ STRONGROOM_DATA: world.server.dataDir })
    await admin.ok('disable', login)
    await tab.page.reload()
    await tab.page.getByRole('heading', { name: 'This account is disabled' }).waitFor()
    await admin.ok('enable', login)
    await tab.page.getByRole('button', { name: 'Check again' }).click()
    await row(tab, 'later.txt').waitFor()
  })

  it('signs out for good although the server is away', async () => {
    await again?.kill9()
    await tab.page.getByRole('button', { name: /^Account/ }).click()
    await tab.page.getByRole('menuitem', { name: 'Sign out' }).click()
    await tab.page.getByRole('heading', { name: 'Welcome back' }).waitFor({ timeout: 120_000 })
    expect(await tab.page.evaluate(() => sessionStorage.getItem('strongroom'))).toBeNull()
    const odd = tab.complaints.filter((text) => !/Failed to load resource|ERR_/.test(text))
    expect(odd).toEqual([])
  })
})
