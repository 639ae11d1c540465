import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  dismiss,
  downloadEntry,
  readRecoveryKey,
  signIn,
  signUp,
  startWebWorld,
  type Tab,
  uploadFiles,
  type WebWorld,
} from './tab.ts'

const LOGIN = 'careful@example.org'
const FIRST = 'the first password of four'
const SECOND = 'the second password of four'
const THIRD = 'the third password of four'

let world: WebWorld
let tab: Tab
let recoveryKey: string

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
  recoveryKey = await signUp(tab, LOGIN, FIRST)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

describe('the security page', () => {
  it('changes the password, which a second profile then needs', async () => {
    const { page } = tab
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByRole('button', { name: 'Change password' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Current password').fill('a wrong one')
    await dialog.getByLabel('New password').fill(SECOND)
    await dialog.getByLabel('Password again').fill(SECOND)
    await dialog.getByRole('button', { name: 'Change password' }).click()
    await dialog.getByText('The password is wrong.').waitFor()
    await dialog.getByLabel('Current password').fill(FIRST)
    await dialog.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('Your password was changed').waitFor()
    const other = await world.openProfile()
    await signIn(other, LOGIN, FIRST)
    await other.page.getByText('Login name or password is wrong.').waitFor()
    await signIn(other, LOGIN, SECOND)
    await other.page.getByText('This folder is empty').waitFor()
    await other.context.close()
  })

  it('tests the recovery key, and says which group is mistyped', async () => {
    const { page } = tab
    await page.getByRole('button', { name: 'Test it' }).click()
    const dialog = page.getByRole('dialog')
    const field = dialog.getByLabel('Recovery key')
    const last = recoveryKey.at(-1) === '7' ? '8' : '7'
    await field.fill(recoveryKey.slice(0, -1) + last)
    await dialog.getByRole('button', { name: 'Test', exact: true }).click()
    await dialog.getByText(/look at groups? [\d, ]*8 again/).waitFor()
    await field.fill(recoveryKey)
    await dialog.getByRole('button', { name: 'Test', exact: true }).click()
    await dialog.getByText('That is your recovery key.').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).first().click()
  })

  it('lists what happened to the account', async () => {
    const { page } = tab
    await page.getByText('Password changed').first().waitFor()
    await page.getByText('Account created').first().waitFor()
  })
})

describe('the keys', () => {
  it('are renewed: those of the vault and of files, with what they hold', async () => {
    const { page } = tab
    await page.getByRole('link', { name: 'My files' }).click()
    const bytes = randomBytes(300_000)
    await uploadFiles(tab, [{ name: 'kept.bin', bytes }])
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByText('Vault key, number 1').waitFor()
    await page.getByRole('button', { name: 'Renew: Vault key, number 1' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Renew' }).click()
    await page.getByText('The vault key is new').waitFor()
    await page.getByText('Vault key, number 2').waitFor()
    await page.getByRole('button', { name: 'Renew: Key of 1 stored content' }).click()
    await page.getByRole('button', { name: 'Renew 1' }).click()
    await page.getByText('1 key renewed').waitFor()
    await page.getByRole('link', { name: 'My files' }).click()
    const download = await downloadEntry(tab, 'kept.bin')
    expect((await readFile(await download.path())).equals(bytes)).toBe(true)
  })

  it('go on being renewed after a reload', async () => {
    const { page } = tab
    await page.evaluate(() => sessionStorage.setItem('strongroom-rotation', '{"kind":"contents","beforeMs":4e12}'))
    await page.reload()
    await page.getByText('1 key renewed').waitFor()
    expect(await page.evaluate(() => sessionStorage.getItem('strongroom-rotation'))).toBe(null)
  })

  it('of the account are renewed with a new recovery key, which alone counts then', async () => {
    const { page } = tab
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByRole('button', { name: 'Renew: Account key' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Current password').fill(SECOND)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    const replaced = await readRecoveryKey(page)
    expect(replaced).not.toBe(recoveryKey)
    await dialog.getByRole('button', { name: 'I have saved it' }).click()
    await dialog.getByLabel('Recovery key').fill(replaced)
    await dialog.getByRole('button', { name: 'Finish' }).click()
    await page.getByText('Your account key and your recovery key are new').waitFor()
    recoveryKey = replaced
    await page.reload()
    await page.getByText('Account key renewed').first().waitFor()
    expect(tab.complaints).toEqual([])
  })

  it('have a state code that two devices compare', async () => {
    const { page } = tab
    const code = await page.locator('.state-code').textContent()
    await page.getByRole('button', { name: 'Compare with another device' }).click()
    const dialog = page.getByRole('dialog')
    const compare = async (text: string, answer: string): Promise<void> => {
      await dialog.getByLabel('State code of the other device').fill(text)
      await dialog.getByRole('button', { name: 'Compare', exact: true }).click()
      await dialog.getByText(answer).waitFor()
    }
    await compare('one two three', 'That is no state code')
    await compare(String(code).toUpperCase(), 'They fit')
    const words = String(code).split(' ')
    await compare([words[0], words[2], words[1], ...words.slice(3)].join(' '), 'They do not fit')
    await dismiss(tab)
  })
})

describe('a forgotten password', () => {
  it('is replaced with the recovery key, which is replaced too', async () => {
    const other = await world.openProfile()
    const { page } = other
    await page.getByRole('button', { name: 'Forgot your password?' }).click()
    await page.getByLabel('Login name').fill(LOGIN)
    await page.getByLabel('Recovery key').fill(recoveryKey)
    await page.getByLabel('New password').fill(THIRD)
    await page.getByLabel('Password again').fill(THIRD)
    await page.getByRole('button', { name: 'Set new password' }).click()
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const replaced = await page.evaluate(() => navigator.clipboard.readText())
    expect(replaced).not.toBe(recoveryKey)
    await page.getByRole('button', { name: 'I have saved it' }).click()
    await page.getByLabel('Recovery key').fill(replaced)
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByRole('grid').waitFor()
    expect(other.complaints).toEqual([])
    await other.context.close()
    // The session of the first profile ended with the old password.
    await tab.page.reload()
    await tab.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
  })
})
