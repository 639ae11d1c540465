import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn, signUp, startWebWorld, type Tab, type WebWorld } from './tab.ts'

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
    await page.getByText('This folder is empty').waitFor()
    expect(other.complaints).toEqual([])
    await other.context.close()
    // The session of the first profile ended with the old password.
    await tab.page.reload()
    await tab.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
  })
})
