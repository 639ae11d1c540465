import type { FileChooser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesSource, freshLogin, PASSWORD, registerDevice, type SdkDevice } from '../../e2e/src/sdk/sdk.ts'
import { dismiss, row, signIn, startWebWorld, type Tab, type WebWorld } from './tab.ts'

/** Longer than letters count as one name, or as a pair. */
const TYPED_MS = 1_100

let world: WebWorld
let device: SdkDevice
let tab: Tab
const choosers: FileChooser[] = []

beforeAll(async () => {
  world = await startWebWorld()
  const login = freshLogin()
  device = await registerDevice(world.server.url, login)
  for (const path of ['/folder/inner.txt', '/alpha.txt', '/beta.txt']) {
    await device.session.drive.put(bytesSource(Buffer.from(path)), path, { parents: true })
  }
  tab = await world.openProfile()
  tab.page.on('filechooser', (chooser) => choosers.push(chooser))
  await signIn(tab, login, PASSWORD)
  await row(tab, 'alpha.txt').waitFor()
})
afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await world?.[Symbol.asyncDispose]()
})

const press = (key: string): Promise<void> => tab.page.keyboard.press(key)
const selects = (names: readonly string[]): Promise<void> =>
  expect
    .poll(() => tab.page.locator('[role=row][aria-selected=true] .name').allTextContents(), { message: 'selected' })
    .toEqual(names)
const heading = (name: string): Promise<void> =>
  tab.page.getByRole('heading', { name, exact: true, level: 1 }).waitFor()
const says = (text: string): Promise<void> => tab.page.getByText(text).last().waitFor()

/** Begins with the list in focus and alpha.txt selected. */
async function onAlpha(): Promise<void> {
  await tab.page.getByRole('grid').focus()
  await press('Home')
  await selects(['folder'])
  await press('ArrowDown')
  await selects(['alpha.txt'])
}

/** What each line of the sheet promises, from alpha.txt on. */
const PROMISES: Readonly<Record<string, () => Promise<void>>> = {
  'Move between items': async () => {
    await press('ArrowDown')
    await selects(['beta.txt'])
    await press('ArrowUp')
    await selects(['alpha.txt'])
  },
  'Extend the selection': async () => {
    await press('Shift+ArrowDown')
    await selects(['alpha.txt', 'beta.txt'])
    await press('Shift+ArrowUp')
    await selects(['alpha.txt'])
  },
  'Select or unselect': async () => {
    await press('Space')
    await selects([])
    await press('Space')
    await selects(['alpha.txt'])
  },
  'Select all': async () => {
    await press('Control+a')
    await selects(['folder', 'alpha.txt', 'beta.txt'])
  },
  'Clear the selection': async () => {
    await press('Escape')
    await selects([])
  },
  Open: async () => {
    await press('Enter')
    await tab.page.getByRole('dialog', { name: 'alpha.txt' }).waitFor()
    await dismiss(tab)
  },
  'Up one folder': async () => {
    await press('ArrowUp')
    await press('Enter')
    await row(tab, 'inner.txt').waitFor()
    await tab.page.getByRole('grid').focus()
    await press('Backspace')
    await row(tab, 'alpha.txt').waitFor()
  },
  'Go to a name; with Shift where the letter does something': async () => {
    await press('b')
    await selects(['beta.txt'])
    await tab.page.waitForTimeout(TYPED_MS)
  },
  'Menu of the selection': async () => {
    await press('Shift+F10')
    await tab.page.getByRole('menuitem', { name: 'Rename' }).waitFor()
    await dismiss(tab)
  },
  Rename: async () => {
    await press('F2')
    await tab.page.getByLabel('New name').waitFor()
    await press('Escape')
    await tab.page.getByLabel('New name').waitFor({ state: 'detached' })
  },
  'Add to or remove from favourites': async () => {
    await press('s')
    await row(tab, 'alpha.txt').getByRole('img', { name: 'Favourite' }).waitFor()
    await press('s')
    await row(tab, 'alpha.txt').getByRole('img', { name: 'Favourite' }).waitFor({ state: 'detached' })
  },
  Cut: async () => {
    await press('Control+x')
    await says('1 item cut; paste it where it belongs')
  },
  Copy: async () => {
    await press('Control+c')
    await says('1 item copied; paste it where you want it')
  },
  'Paste, also files from elsewhere': async () => {
    await press('Control+c')
    await press('Control+v')
    await says('1 copy made')
    await expect
      .poll(() =>
        tab.page
          .getByRole('grid')
          .getByText(/^alpha/)
          .count(),
      )
      .toBe(2)
    await press('Control+z')
    await expect
      .poll(() =>
        tab.page
          .getByRole('grid')
          .getByText(/^alpha/)
          .count(),
      )
      .toBe(1)
  },
  'Move to trash': async () => {
    await press('Delete')
    await row(tab, 'alpha.txt').waitFor({ state: 'detached' })
    await press('Control+z')
    await row(tab, 'alpha.txt').waitFor()
  },
  'Show or hide details': async () => {
    const panel = tab.page.getByRole('complementary', { name: 'Details', exact: true })
    await press('i')
    await panel.waitFor()
    await press('i')
    await panel.waitFor({ state: 'detached' })
  },
  Search: async () => {
    await press('/')
    await expect
      .poll(() => tab.page.evaluate(() => document.activeElement?.getAttribute('aria-label')))
      .toBe('Search all files')
  },
  'New folder': async () => {
    await press('n')
    await tab.page.getByLabel('Folder name').waitFor()
    await dismiss(tab)
  },
  'Upload files': async () => {
    choosers.length = 0
    await press('u')
    await expect.poll(() => choosers.map((chooser) => chooser.isMultiple())).toEqual([true])
  },
  'List or grid': async () => {
    await press('v')
    await tab.page.getByRole('button', { name: 'Show as list' }).waitFor()
    await press('v')
    await tab.page.getByRole('button', { name: 'Show as grid' }).waitFor()
  },
  Undo: async () => {
    await press('F2')
    await tab.page.getByLabel('New name').fill('renamed.txt')
    await press('Enter')
    await row(tab, 'renamed.txt').waitFor()
    await press('Control+z')
    await row(tab, 'alpha.txt').waitFor()
  },
  'This list': async () => {
    await press('?')
    await tab.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await dismiss(tab)
  },
  'My files': async () => {
    await press('g')
    await press('f')
    await heading('My files')
  },
  Recent: async () => {
    await press('g')
    await press('r')
    await heading('Recent')
  },
  Favourites: async () => {
    await press('g')
    await press('s')
    await heading('Favourites')
  },
  Trash: async () => {
    await press('g')
    await press('t')
    await heading('Trash')
  },
}

describe('the sheet of keys', () => {
  it('lists what is tried here, and nothing else', async () => {
    await press('?')
    const sheet = tab.page.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await sheet.waitFor()
    expect(await sheet.locator('dd').allTextContents()).toEqual(Object.keys(PROMISES))
    await dismiss(tab)
  })

  it.each(Object.keys(PROMISES))('keeps its word: %s', async (text) => {
    await tab.page.getByRole('link', { name: 'My files' }).click()
    await row(tab, 'alpha.txt').waitFor()
    await onAlpha()
    await PROMISES[text]?.()
  })
})
