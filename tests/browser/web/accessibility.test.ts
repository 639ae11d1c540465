import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inspect as inspectPage, PICTURES } from './inspect.ts'
import { dismiss, PHONE, row, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

let world: WebWorld
let tab: Tab
let logins = 0

beforeAll(async () => {
  await mkdir(PICTURES, { recursive: true })
  world = await startWebWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const inspect = (name: string): Promise<void> => inspectPage(tab.page, name)

async function beforeSigningIn(): Promise<void> {
  logins += 1
  const { page } = tab
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor()
  await inspect('sign-in')
  await page.getByRole('button', { name: 'Forgot your password?' }).click()
  await inspect('forgot')
  await page.getByRole('button', { name: 'Back to sign-in' }).click()
  await page.getByRole('button', { name: 'Create account' }).click()
  await inspect('sign-up')
  await page.getByLabel('Password', { exact: true }).fill('password1')
  await page.getByText('Easy to guess.').waitFor()
  await inspect('sign-up-weak')
  await page.reload()
  await signUp(tab, `axe-${logins}@example.org`, 'a password of four words', inspect)
  await inspect('files-empty')
}

async function withFiles(): Promise<void> {
  const { page } = tab
  const names = ['letter.pdf', 'song.mp3', 'picture.jpg', 'film.mp4', 'archive.zip', 'notes.txt', 'program.ts']
  await uploadFiles(
    tab,
    names.map((name) => ({ name, bytes: randomBytes(20_000) })),
  )
  await page.keyboard.press('n')
  await page.getByLabel('Folder name').fill('A folder with a name so long that it does not fit into a narrow column')
  await inspect('new-folder')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await row(tab, names[0] ?? '').waitFor()
  await inspect('files')
  await row(tab, 'song.mp3').getByRole('checkbox').check()
  await inspect('files-selected')
  await row(tab, 'picture.jpg').click({ button: 'right', position: { x: 500, y: 20 } })
  await page.getByRole('menuitem', { name: 'Versions' }).waitFor()
  await inspect('files-menu')
  await page.getByRole('menuitem', { name: 'Versions' }).click()
  await page.getByText('Current').waitFor()
  await inspect('versions')
  await dismiss(tab)
  await page.getByRole('button', { name: 'Move to …' }).click()
  await page.getByRole('treeitem').nth(1).waitFor()
  await inspect('move')
  await dismiss(tab)
  await row(tab, 'notes.txt').getByRole('button', { name: 'notes.txt' }).click()
  await page.getByRole('dialog').locator('.preview-none').waitFor()
  await inspect('preview')
  await dismiss(tab)
  await row(tab, 'picture.jpg').click({ button: 'right', position: { x: 500, y: 20 } })
  await page.getByRole('menuitem', { name: 'What the server sees' }).click()
  await page.getByText('Number of the object').waitFor()
  await inspect('server-view')
  await dismiss(tab)
  await page.keyboard.press('i')
  await page.getByText('How it is stored').waitFor()
  await inspect('details')
  await page.keyboard.press('i')
  await page.getByRole('grid').focus()
  await page.keyboard.press('F2')
  await inspect('rename')
  await dismiss(tab)
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles(['letter.pdf', 'song.mp3'].map((name) => ({ name, mimeType: '', buffer: randomBytes(30_000) })))
  await page.getByText('A file of this name exists').waitFor()
  await inspect('collision')
  await page.getByLabel('Do the same for 1 more').check()
  await page.getByRole('button', { name: 'Replace' }).click()
  await page.getByText('2 files uploaded').waitFor()
  await inspect('transfers')
  await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
  await page.getByRole('button', { name: 'Clear selection' }).click()
  await page.getByRole('button', { name: 'Show as grid' }).click()
  await inspect('files-grid')
  await page.getByRole('button', { name: 'Show as list' }).click()
}

async function elsewhere(): Promise<void> {
  const { page } = tab
  for (const name of ['Recent', 'Favourites', 'Trash', 'Security']) {
    await page.getByRole('link', { name }).click()
    await page.getByRole('heading', { name, exact: true, level: 1 }).waitFor()
    await page.waitForTimeout(500)
    await inspect(name.toLowerCase())
  }
  await page.getByRole('button', { name: 'Change password' }).click()
  await inspect('change-password')
  await dismiss(tab)
  await page.keyboard.press('?')
  await inspect('shortcuts')
  await dismiss(tab)
  await page.getByLabel('Search all files').fill('nothing of this name')
  await page.getByText('Nothing found').waitFor()
  await inspect('search-empty')
  await page.getByLabel('Search all files').fill('o')
  await page.getByText(/results for “o”/).waitFor()
  await inspect('search')
  await page.getByRole('button', { name: 'Clear search' }).click()
  await page.getByRole('link', { name: 'My files' }).click()
  await row(tab, 'notes.txt').getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Move to trash' }).click()
  await page.getByText('1 item moved to trash').waitFor()
  await page.getByRole('link', { name: 'Trash' }).click()
  await row(tab, 'notes.txt').waitFor()
  await inspect('trash-full')
  await page.getByRole('button', { name: 'Empty trash' }).click()
  await inspect('trash-confirm')
  await dismiss(tab)
  for (const [name, button] of [
    ['second-factor', 'Set up'],
    ['recovery-test', 'Test it'],
    ['delete-account', 'Delete account'],
  ] as const) {
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByRole('button', { name: button }).click()
    await inspect(name)
    await dismiss(tab)
  }
  expect(tab.complaints).toEqual([])
}

/** Told where it is seen at once. */
async function withoutScript(): Promise<void> {
  const context = await tab.context.browser()?.newContext({ javaScriptEnabled: false, viewport: PHONE })
  if (context === undefined) throw new Error('The tab has a browser.')
  const page = await context.newPage()
  await page.goto(world.server.url)
  const box = await page.locator('.scriptless p').boundingBox()
  expect(box?.y).toBeLessThan(PHONE.height / 2)
  await context.close()
}

const MINUTES = 60_000

// Reason: one test, because a second attempt has to begin with a profile that has seen nothing.
it(
  'axe finds nothing wrong with any screen',
  async () => {
    tab = await world.openProfile()
    await withoutScript()
    await beforeSigningIn()
    await withFiles()
    await elsewhere()
  },
  10 * MINUTES,
)
