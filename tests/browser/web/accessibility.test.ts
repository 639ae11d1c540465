import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { source } from 'axe-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DESKTOP, dismiss, PHONE, row, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const PICTURES = fileURLToPath(new URL('../../../artifacts/screenshots/', import.meta.url))

interface Finding {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

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

/** What axe finds wrong on the screen as it is. */
async function violations(): Promise<string[]> {
  await tab.page.evaluate(source)
  return await tab.page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: Finding[] }> } }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations: found } = await axe.run({ runOnly: { type: 'tag', values: tags } })
    return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
  })
}

/** Holds that axe finds nothing wrong with the screen, in both themes and at both widths; each is kept as a picture. */
async function inspect(name: string): Promise<void> {
  const { page } = tab
  for (const theme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      await page.setViewportSize(viewport)
      await page.evaluate((value) => {
        document.documentElement.dataset.theme = value
      }, theme)
      await page.waitForTimeout(200)
      // The same colours and the same places twice: axe looks at each theme and each width once.
      // Reason for asking again: a screen that is still being loaded, or is fading in, is not the one that is meant.
      if ((theme === 'light') === (size === 'desktop')) {
        await expect
          .poll(violations, { timeout: 30_000, interval: 500, message: `${name}, ${size}, ${theme}` })
          .toEqual([])
      }
      await page.screenshot({ path: path.join(PICTURES, `${name}-${size}-${theme}.png`) })
    }
  }
  await page.setViewportSize(DESKTOP)
}

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
  await page.getByRole('button', { name: 'Create' }).click()
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

const MINUTES = 60_000

// Reason: one test, because a second attempt has to begin with a profile that has seen nothing.
it(
  'axe finds nothing wrong with any screen',
  async () => {
    tab = await world.openProfile()
    await beforeSigningIn()
    await withFiles()
    await elsewhere()
  },
  10 * MINUTES,
)
