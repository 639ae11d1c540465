import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dismiss, PHONE, row, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const LOGIN = 'tidy@example.org'
const PASSWORD = 'a tidy password of words'

let world: WebWorld
let tab: Tab

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
  await signUp(tab, LOGIN, PASSWORD)
  await uploadFiles(
    tab,
    ['a.txt', 'b.txt', 'c.txt', 'd.txt'].map((name) => ({ name, bytes: randomBytes(3_000) })),
  )
  for (const name of ['inbox', 'archive']) await makeFolder(name)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function makeFolder(name: string): Promise<void> {
  const { page } = tab
  await page.keyboard.press('n')
  await page.getByLabel('Folder name').fill(name)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await row(tab, name).waitFor()
}

function names(): Promise<string[]> {
  return tab.page.locator('.row .name').allTextContents()
}

async function goHome(): Promise<void> {
  await tab.page.getByRole('link', { name: 'My files' }).click()
  await row(tab, 'inbox').waitFor()
}

/** Drops files onto the page as a file manager does. */
async function paste(files: readonly { name: string; text: string }[]): Promise<void> {
  await tab.page.evaluate((given) => {
    const data = new DataTransfer()
    for (const { name, text } of given) data.items.add(new File([text], name, { type: 'text/plain' }))
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))
  }, files)
}

describe('a drive by mouse', () => {
  it('moves what is dragged onto a folder, a breadcrumb and places of the sidebar', async () => {
    const { page } = tab
    await row(tab, 'a.txt').click()
    await row(tab, 'b.txt').click({ modifiers: ['Shift'] })
    await page.getByText('2 selected').waitFor()
    await row(tab, 'a.txt').dragTo(row(tab, 'inbox'))
    await page.getByText('2 items moved').waitFor()
    await row(tab, 'inbox').getByRole('button', { name: 'inbox' }).click()
    await row(tab, 'b.txt').waitFor()
    await row(tab, 'b.txt').dragTo(
      page.getByRole('navigation', { name: 'Path' }).getByRole('button', { name: 'My files' }),
    )
    await row(tab, 'b.txt').waitFor({ state: 'detached' })
    await row(tab, 'a.txt').dragTo(page.getByRole('link', { name: 'Favourites' }))
    await page.getByText('1 favourite added').waitFor()
    await row(tab, 'a.txt').getByRole('img', { name: 'Favourite' }).waitFor()
    await row(tab, 'a.txt').dragTo(page.getByRole('link', { name: 'Trash' }))
    await page.getByText('1 item moved to trash').waitFor()
    await page.getByText('This folder is empty').waitFor()
    await page.keyboard.press('Control+z')
    await row(tab, 'a.txt').waitFor()
    await goHome()
    await expect.poll(names).toEqual(['archive', 'inbox', 'b.txt', 'c.txt', 'd.txt'])
  })

  it('offers the menu of a folder where there is no entry, and of an entry by its button', async () => {
    const { page } = tab
    await page.getByRole('grid').click({ button: 'right', position: { x: 400, y: 600 } })
    await page.getByRole('menuitem', { name: 'New folder' }).waitFor()
    await dismiss(tab)
    await row(tab, 'c.txt').hover()
    await row(tab, 'c.txt').getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Rename' }).click()
    await page.getByLabel('New name').fill('b.txt')
    await page.keyboard.press('Enter')
    await page.getByText('There is something of that name already.').waitFor()
    for (const [name, fault] of [
      ['c/d', 'A name cannot contain “/”.'],
      ['..', '“.” and “..” stand for folders.'],
      ['  ', 'Type a name.'],
      ['é'.repeat(128), 'That name is too long.'],
    ] as const) {
      await page.getByLabel('New name').fill(name)
      await page.keyboard.press('Enter')
      await page.getByRole('alert').filter({ hasText: fault }).waitFor()
    }
    await dismiss(tab)
    expect(await names()).toContain('c.txt')
  })

  it('shows what is known of the selection', async () => {
    const { page } = tab
    await row(tab, 'inbox').click()
    await page.keyboard.press('i')
    const panel = page.getByRole('complementary', { name: 'Details', exact: true })
    await panel.getByText('1 file', { exact: true }).waitFor()
    await row(tab, 'd.txt').click()
    await panel.getByText('3.0 kB (3,000 bytes)').waitFor()
    await panel.getByText('1 version').click()
    await page.getByRole('dialog').getByText('Current').waitFor()
    await dismiss(tab)
    await row(tab, 'c.txt').click({ modifiers: ['Control'] })
    await panel.getByText('2 files').waitFor()
    await panel.getByRole('button', { name: 'Close details' }).click()
  })

  it('asks about each file whose name is taken, and about the rest at once', async () => {
    const { page } = tab
    await paste(['b.txt', 'c.txt', 'd.txt', 'new.txt'].map((name) => ({ name, text: `new ${name}` })))
    const dialog = page.getByRole('dialog')
    await dialog.getByText('b.txt').waitFor()
    await dialog.getByRole('button', { name: 'Skip' }).click()
    await dialog.getByText('c.txt').waitFor()
    await dialog.getByLabel('Do the same for 1 more').check()
    await dialog.getByRole('button', { name: 'Keep both' }).click()
    await page.getByText('3 files uploaded').waitFor()
    await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
    await row(tab, 'new.txt').waitFor()
    const starting = async (letters: RegExp) => (await names()).filter((name) => letters.test(name))
    await expect.poll(() => starting(/^[cd]/)).toHaveLength(4)
    expect(await starting(/^b/)).toEqual(['b.txt'])
    await paste([{ name: 'b.txt', text: 'the second' }])
    await dialog.getByRole('button', { name: 'Replace' }).click()
    await page.getByText('1 file uploaded').waitFor()
    await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
    await row(tab, 'b.txt').click()
    await row(tab, 'b.txt').getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Versions' }).click()
    await dialog.getByRole('button', { name: 'Restore' }).click()
    await page.getByText('That version is the newest one again').waitFor()
    await expect.poll(() => dialog.getByRole('listitem').count()).toBe(3)
    await dismiss(tab)
  })
})

describe('more by mouse', () => {
  it('selects what a rectangle touches, in lists and in grids', async () => {
    const { page } = tab
    const pull = async (from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> => {
      await page.mouse.move(from.x, from.y)
      await page.mouse.down()
      await page.mouse.move(to.x, to.y, { steps: 5 })
      await page.mouse.up()
    }
    const middleOf = async (item: ReturnType<typeof row>) => {
      const box = await item.boundingBox()
      if (box === null) throw new Error('The item is drawn.')
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
    }
    const shown = await names()
    const [last = '', second = ''] = shown.toReversed()
    const from = await middleOf(row(tab, last))
    await pull({ x: from.x, y: from.y + 90 }, await middleOf(row(tab, second)))
    await page.getByText('2 selected').waitFor()
    await page.getByRole('grid').click({ position: { x: 400, y: 640 } })
    await page.getByText('2 selected').waitFor({ state: 'detached' })
    await page.keyboard.press('v')
    const card = (name: string) => page.getByRole('gridcell').filter({ hasText: name })
    const corner = await middleOf(card('inbox').first())
    await pull({ x: corner.x + 92, y: corner.y + 94 }, { x: corner.x - 10, y: corner.y - 10 })
    await page.getByText('1 selected').waitFor()
    await page.keyboard.press('v')
    await page.keyboard.press('Escape')
  })

  it('copies what is dragged while Ctrl is held', async () => {
    const { page } = tab
    await page.keyboard.down('Control')
    await row(tab, 'new.txt').dragTo(row(tab, 'archive'))
    await page.keyboard.up('Control')
    await page.getByText('1 copy made').waitFor()
    await row(tab, 'new.txt').waitFor()
    await row(tab, 'archive').getByRole('button', { name: 'archive' }).click()
    await row(tab, 'new.txt').waitFor()
    await page.keyboard.press('Control+z')
    await page.getByText('This folder is empty').waitFor()
    await goHome()
  })

  it('closes what is open over the page on going back, and leaves the page', async () => {
    const { page } = tab
    await row(tab, 'inbox').getByRole('button', { name: 'inbox' }).click()
    await row(tab, 'a.txt').getByRole('button', { name: 'a.txt' }).click()
    await page.getByRole('dialog', { name: 'a.txt' }).waitFor()
    await page.goBack()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await row(tab, 'a.txt').click()
    await row(tab, 'a.txt').getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Versions' }).click()
    await page.getByRole('dialog').getByText('Current').waitFor()
    await dismiss(tab)
    await page.goBack()
    await row(tab, 'inbox').waitFor()
  })

  it('deletes single things for good from the trash, after a warning', async () => {
    const { page } = tab
    await row(tab, 'd.txt').click()
    await page.keyboard.press('Delete')
    await row(tab, 'd.txt').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Trash' }).click()
    await row(tab, 'd.txt').click({ position: { x: 300, y: 20 } })
    await page.keyboard.press('Delete')
    await page.getByRole('dialog').getByText('Nobody can bring it back.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click()
    await page.getByText('1 item destroyed').waitFor()
    await row(tab, 'd.txt').waitFor({ state: 'detached' })
    await row(tab, 'new.txt').waitFor()
    await goHome()
  })
})

describe('a drive by keyboard', () => {
  it('stays at the entry that it is at when another one comes before it', async () => {
    const { page } = tab
    await row(tab, 'c.txt').click()
    await paste([{ name: 'a before all.txt', text: 'before' }])
    await row(tab, 'a before all.txt').waitFor()
    await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
    await page.getByRole('grid').focus()
    await page.keyboard.press('F2')
    expect(await page.getByLabel('New name').inputValue()).toBe('c.txt')
    await dismiss(tab)
    await page.keyboard.press('Escape')
  })

  it('goes to a name by its letters, and keeps those that do something', async () => {
    const { page } = tab
    await page.getByRole('grid').focus()
    const selected = () => page.locator('[role=row][aria-selected=true] .name').allTextContents()
    await page.keyboard.type('Inb')
    await expect.poll(selected).toEqual(['inbox'])
    await page.waitForTimeout(1_000)
    await page.keyboard.type('b')
    await expect.poll(selected).toEqual(['b.txt'])
    await page.waitForTimeout(1_000)
    await page.keyboard.press('n')
    await page.getByLabel('Folder name').waitFor()
    await dismiss(tab)
    await page.keyboard.press('Escape')
  })

  it('selects, cuts, pastes, renames, trashes and undoes without a pointer', async () => {
    const { page } = tab
    await page.getByRole('grid').focus()
    await page.keyboard.press('Home')
    await page.keyboard.press('End')
    await page.keyboard.press('F2')
    await page.getByLabel('New name').fill('last.txt')
    await page.keyboard.press('Enter')
    await row(tab, 'last.txt').waitFor()
    await page.keyboard.press('Control+a')
    await page.getByText(/selected$/).waitFor()
    // The button goes with the bar that it is in; the list has the keys again.
    await page.getByRole('button', { name: 'Clear selection' }).press('Enter')
    await page.getByRole('grid').and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Control+a')
    await page.getByText(/selected$/).waitFor()
    await dismiss(tab)
    await row(tab, 'last.txt').click()
    await page.keyboard.press('Control+x')
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await page.getByText('This folder is empty').waitFor()
    await page.keyboard.press('Control+v')
    await row(tab, 'last.txt').waitFor()
    await page.getByRole('grid').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Delete')
    await page.getByText('This folder is empty').waitFor()
    await page.keyboard.press('Control+z')
    await row(tab, 'last.txt').waitFor()
    await page.keyboard.press('Control+z')
    await row(tab, 'last.txt').waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('f')
    await row(tab, 'last.txt').waitFor()
  })

  it('puts no folder into itself, and says so', async () => {
    const { page } = tab
    await row(tab, 'inbox').click()
    await page.keyboard.press('Control+c')
    await row(tab, 'inbox').getByRole('button', { name: 'inbox' }).click()
    await row(tab, 'a.txt').waitFor()
    await page.keyboard.press('Control+v')
    await page.getByText('A folder cannot be put into itself.').waitFor()
    await goHome()
  })

  it('opens the menu of the selection, and gives the focus back', async () => {
    const { page } = tab
    await page.getByRole('grid').focus()
    await page.keyboard.press('Home')
    await page.keyboard.press('Shift+F10')
    await page.getByRole('menuitem', { name: 'Rename' }).waitFor()
    await dismiss(tab)
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid')
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByText('Menu of the selection').waitFor()
    await dismiss(tab)
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid')
  })
})

describe('addresses', () => {
  it('lead back to a folder after a reload, back and forward, and hold no names', async () => {
    const { page } = tab
    await row(tab, 'inbox').getByRole('button', { name: 'inbox' }).click()
    await row(tab, 'a.txt').waitFor()
    expect(new URL(page.url()).pathname).toMatch(/^\/files\/[0-9a-f]{32}$/)
    await page.reload()
    await row(tab, 'a.txt').waitFor()
    await page.goBack()
    await row(tab, 'inbox').waitFor()
    await page.goForward()
    await row(tab, 'a.txt').waitFor()
  })

  it('that are none of the app say so', async () => {
    const { page } = tab
    await page.goto(`${world.server.url}/files/${'0'.repeat(32)}`)
    await page.getByText('This folder is no longer here').waitFor()
    await page.goto(`${world.server.url}/no/such/place`)
    await page.getByText('There is nothing at this address').waitFor()
    await page.getByRole('button', { name: 'Go to My files' }).click()
    await row(tab, 'inbox').waitFor()
  })
})

describe('a phone', () => {
  it('opens by a tap, selects by a long press, and shows menus as sheets', async () => {
    const context = await tab.context.browser()?.newContext({ viewport: PHONE, hasTouch: true, isMobile: true })
    if (context === undefined) throw new Error('The tab has a browser.')
    context.setDefaultTimeout(60_000)
    const page = await context.newPage()
    const phone: Tab = { ...tab, page, context }
    await page.goto(world.server.url)
    await page.getByLabel('Login name').fill(LOGIN)
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).tap()
    await row(phone, 'inbox').waitFor()
    await row(phone, 'c.txt').getByRole('button', { name: 'More actions' }).tap()
    const sheet = page.getByRole('menu')
    await sheet.getByRole('menuitem', { name: 'Duplicate' }).waitFor()
    const box = await sheet.boundingBox()
    expect([box?.x, box?.width]).toEqual([0, PHONE.width])
    for (const item of await sheet.getByRole('menuitem').all()) {
      expect((await item.boundingBox())?.height).toBeGreaterThanOrEqual(44)
    }
    await sheet.getByRole('menuitem', { name: 'Details' }).tap()
    await page.getByRole('button', { name: 'Close details' }).tap()
    await page.getByRole('button', { name: 'Clear selection' }).tap()
    await row(phone, 'inbox').tap({ position: { x: 250, y: 20 } })
    await row(phone, 'a.txt').waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width)
    await context.close()
  })

  it('saw no complaint of any browser', () => {
    // An address of no screen is answered 404, which browsers log.
    expect(tab.complaints.filter((text) => !text.includes('404'))).toEqual([])
  })
})
