import { readFile } from 'node:fs/promises'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLogin, PASSWORD, registerDevice } from '../../e2e/src/sdk/sdk.ts'
import { downloadEntry, row, signIn, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

let world: WebWorld

beforeAll(async () => {
  world = await startWebWorld()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

/** A new account, signed in in a fresh profile, with a file. */
async function signedIn(): Promise<Tab & { login: string }> {
  const login = freshLogin()
  await using device = await registerDevice(world.server.url, login)
  expect(device.session.identity.login).toBe(login)
  const tab = await world.openProfile()
  await signIn(tab, login, PASSWORD)
  await tab.page.getByText('This folder is empty').waitFor()
  await uploadFiles(tab, [{ name: 'before.txt', bytes: Buffer.from('before') }])
  return { ...tab, login }
}

/** Takes from the browser what it keeps for the app, as its settings do. */
async function clear({ page, context }: Tab, storageTypes: 'indexeddb' | 'all'): Promise<void> {
  const tools = await context.newCDPSession(page)
  await tools.send('Storage.clearDataForOrigin', { origin: world.server.url, storageTypes })
  await tools.detach()
}

async function nameFolder({ page }: Tab, name: string): Promise<void> {
  await page.keyboard.press('n')
  await page.getByLabel('Folder name').fill(name)
}

function createButton({ page }: Tab): Locator {
  return page.getByRole('button', { name: 'Create', exact: true })
}

async function makeFolder(tab: Tab, name: string): Promise<void> {
  await nameFolder(tab, name)
  await createButton(tab).click()
}

describe('a browser that forgets', () => {
  it('reloads past its caches, and a download goes on as before', async () => {
    const tab = await signedIn()
    const tools = await tab.context.newCDPSession(tab.page)
    const loaded = tab.page.waitForEvent('load')
    await tools.send('Page.reload', { ignoreCache: true })
    await loaded
    await row(tab, 'before.txt').waitFor()
    const download = await downloadEntry(tab, 'before.txt')
    expect(await readFile(await download.path(), 'utf8')).toBe('before')
    expect(tab.complaints).toEqual([])
    await tab.context.close()
  })

  it('loses its database in the middle, and the tab goes on and misses nothing', async () => {
    const tab = await signedIn()
    await clear(tab, 'indexeddb')
    for (const place of ['Recent', 'My files']) {
      await tab.page.getByRole('link', { name: place }).click()
      await tab.page.getByRole('heading', { name: place }).waitFor()
      await row(tab, 'before.txt').waitFor()
    }
    await makeFolder(tab, 'after')
    await row(tab, 'after').waitFor()
    await tab.page.reload()
    await row(tab, 'after').waitFor()
    await row(tab, 'before.txt').waitFor()
    expect(tab.complaints).toEqual([])
    await tab.context.close()
  })

  it('loses all site data, and the tab asks for the password at the next act', async () => {
    const tab = await signedIn()
    await nameFolder(tab, 'after')
    await clear(tab, 'all')
    // The tab asks the server for news by itself, and may have met the refusal before this click.
    await createButton(tab)
      .click({ timeout: 5_000 })
      .catch(() => undefined)
    await tab.page.getByText('You were signed out. Sign in again.').waitFor()
    await signIn(tab, tab.login, PASSWORD)
    await row(tab, 'before.txt').waitFor()
    await makeFolder(tab, 'again')
    await row(tab, 'again').waitFor()
    const download = await downloadEntry(tab, 'before.txt')
    expect(await readFile(await download.path(), 'utf8')).toBe('before')
    expect(tab.complaints.filter((text) => !/\b401\b/.test(text))).toEqual([])
    await tab.context.close()
  })

  it('keeps no database at all, and says so', async () => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    expect(device.session.identity.login).toBe(login)
    const tab = await world.openProfile()
    await tab.context.route('**/assets/vault-worker-*.js', async (route) => {
      const script = await route.fetch()
      const refuse = "IDBFactory.prototype.open = () => { throw new DOMException('refused', 'SecurityError') };"
      await route.fulfill({ response: script, body: `${refuse}${await script.text()}` })
    })
    await tab.page.reload()
    await signIn(tab, login, PASSWORD)
    await tab.page.getByText(/^This browser could not keep or read something/).waitFor()
    expect(tab.complaints).toEqual([])
    await tab.context.close()
  })
})

describe('a browser without JavaScript', () => {
  it('is told why nothing else is there', async () => {
    const { context: first } = await world.openProfile()
    const context = await first.browser()?.newContext({ javaScriptEnabled: false })
    if (context === undefined) throw new Error('The profile has a browser.')
    const page = await context.newPage()
    await page.goto(world.server.url)
    // What is inside of <noscript> is not found by its text.
    const told = page.locator('.scriptless p')
    await told.waitFor()
    expect(await told.textContent()).toMatch(/needs JavaScript for that/)
    expect(await page.getByText('Nothing more appears here').isVisible()).toBe(false)
    await context.close()
  })
})
