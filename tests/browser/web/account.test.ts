import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { row, signIn, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'
import { totp } from './totp.ts'

const LOGIN = 'complete@example.org'
const PASSWORD = 'a complete password of words'

let world: WebWorld
let tab: Tab
let recoveryKey: string

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
  recoveryKey = await signUp(tab, LOGIN, PASSWORD)
  await uploadFiles(
    tab,
    ['one.txt', 'two.txt'].map((name) => ({ name, bytes: randomBytes(5_000) })),
  )
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

describe('an account in the web app', () => {
  it('keeps favourites', async () => {
    const { page } = tab
    await row(tab, 'two.txt').getByRole('checkbox').check()
    await page.getByRole('button', { name: 'Add to favourites' }).click()
    await page.getByText('1 favourite added').waitFor()
    await page.getByRole('link', { name: 'Favourites' }).click()
    await row(tab, 'two.txt').waitFor()
    expect(await row(tab, 'one.txt').count()).toBe(0)
    await page.getByRole('link', { name: 'My files' }).click()
  })

  it('gives several files as one zip', async () => {
    const { page } = tab
    await row(tab, 'one.txt').getByRole('checkbox').check()
    await row(tab, 'two.txt').getByRole('checkbox').check()
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download' }).click()
    const download = await downloading
    expect(download.suggestedFilename()).toBe('Strongroom.zip')
    const zip = await readFile(await download.path())
    expect(zip.subarray(0, 4)).toEqual(Buffer.from('PK\u0003\u0004'))
    expect([zip.includes('one.txt'), zip.includes('two.txt')]).toEqual([true, true])
    await page.getByRole('button', { name: 'Clear selection' }).click()
  })

  it('opens in a second tab without a password, and signs out in both', async () => {
    const second = await tab.context.newPage()
    await second.goto(world.server.url)
    await second.getByRole('button', { name: 'one.txt' }).waitFor()
    await second.getByRole('button', { name: /^Account:/ }).click()
    await second.getByRole('menuitem', { name: 'Sign out' }).click()
    await second.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await tab.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await second.close()
    await signIn(tab, LOGIN, PASSWORD)
    await row(tab, 'one.txt').waitFor()
  })

  it('asks for a second factor once it is on, and no more when it is off', async () => {
    const { page } = tab
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByRole('button', { name: 'Set up' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Current password').fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    const secret = ((await dialog.locator('code').textContent()) ?? '').replaceAll(' ', '')
    const backup = (await dialog.getByRole('listitem').first().textContent()) ?? ''
    await dialog.getByLabel('Code').fill(totp(secret, 0))
    await dialog.getByRole('button', { name: 'Turn on' }).click()
    await page.getByText('10 backup codes are left.').waitFor()
    const other = await world.openProfile()
    await signIn(other, LOGIN, PASSWORD)
    await other.page.getByLabel('Code').fill('000000')
    await other.page.getByRole('button', { name: 'Check' }).click()
    await other.page.getByText('That code is wrong, too old, or was used before.').waitFor()
    await other.page.getByLabel('Code').fill(totp(secret, 1))
    await other.page.getByRole('button', { name: 'Check' }).click()
    await row(other, 'one.txt').waitFor()
    await other.context.close()
    await page.getByRole('button', { name: 'Turn off' }).click()
    await dialog.getByLabel('Current password').fill(PASSWORD)
    await dialog.getByLabel('Code').fill(backup)
    await dialog.getByRole('button', { name: 'Turn off' }).click()
    await page.getByText('Two-step sign-in is off').waitFor()
  })

  it('gets a new recovery key, and the old one opens nothing any more', async () => {
    const { page } = tab
    await page.getByRole('button', { name: 'Make a new one' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Current password').fill('a wrong one')
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await dialog.getByText('The password is wrong.').waitFor()
    await dialog.getByLabel('Current password').fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await dialog.getByRole('button', { name: 'Copy' }).click()
    await dialog.getByRole('button', { name: 'Copied' }).waitFor()
    const replaced = await page.evaluate(() => navigator.clipboard.readText())
    await dialog.getByRole('button', { name: 'I have saved it' }).click()
    await dialog.getByLabel('Recovery key').fill(replaced)
    await dialog.getByRole('button', { name: 'Finish' }).click()
    await page.getByText('Your new recovery key counts from now on').waitFor()
    await page.getByRole('button', { name: 'Test it' }).click()
    await dialog.getByLabel('Recovery key').fill(recoveryKey)
    await dialog.getByRole('button', { name: 'Test', exact: true }).click()
    await dialog.getByText('That is not the recovery key of this account.').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).first().click()
  })

  it('is deleted with a receipt, and nobody can sign in to it any more', async () => {
    const { page } = tab
    await page.getByRole('button', { name: 'Delete account' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel(`Type ${LOGIN} to confirm`).fill(LOGIN)
    await dialog.getByLabel('Password', { exact: true }).fill(PASSWORD)
    const downloading = page.waitForEvent('download')
    await dialog.getByRole('button', { name: 'Delete my account' }).click()
    expect((await downloading).suggestedFilename()).toBe('strongroom-receipt.bin')
    await page.getByText('Your account is deleted.').waitFor()
    await signIn(tab, LOGIN, PASSWORD)
    await page.getByText('Login name or password is wrong.').waitFor()
  })
})
