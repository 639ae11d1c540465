import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Strongroom } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLogin, PASSWORD, registerDevice } from '../../e2e/src/sdk/sdk.ts'
import { downloadEntry, readRecoveryKey, row, signIn, startWebWorld, uploadFiles, type WebWorld } from './tab.ts'

const NEXT = 'another password, of other words'

let world: WebWorld

beforeAll(async () => {
  world = await startWebWorld()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('a password that others may know', () => {
  it('is answered by making everything new, and the tab goes on in the same breath', async () => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    const tab = await world.openProfile()
    const { page } = tab
    await signIn(tab, login, PASSWORD)
    const bytes = randomBytes(300_000)
    await page.getByText('This folder is empty').waitFor()
    await uploadFiles(tab, [{ name: 'before.bin', bytes }])
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByRole('button', { name: 'Make everything new' }).click()
    const dialog = page.getByRole('dialog')
    const fill = async (current: string): Promise<void> => {
      await dialog.getByLabel('Current password').fill(current)
      await dialog.getByLabel('New password').fill(NEXT)
      await dialog.getByLabel('Password again').fill(NEXT)
      await dialog.getByRole('button', { name: 'Continue' }).click()
    }
    await fill('a wrong one')
    await dialog.getByText('The password is wrong.').waitFor()
    await fill(PASSWORD)
    const recoveryKey = await readRecoveryKey(page)
    await dialog.getByRole('button', { name: 'I have saved it' }).click()
    await dialog.getByLabel('Recovery key').fill(recoveryKey)
    await dialog.getByRole('button', { name: 'Finish' }).click()
    await page.getByText('Everything that opens your account is new').waitFor()
    await page.getByText('Vault key, number 2').waitFor()
    await page.getByRole('link', { name: 'My files' }).click()
    const download = await downloadEntry(tab, 'before.bin')
    expect((await readFile(await download.path())).equals(bytes)).toBe(true)
    await uploadFiles(tab, [{ name: 'after.txt', bytes: Buffer.from('after') }])
    await row(tab, 'after.txt').waitFor()
    expect(tab.complaints).toEqual([])
    await expect(device.session.whoami()).rejects.toMatchObject({ code: 'authentication' })
    await page.reload()
    await row(tab, 'after.txt').waitFor()
    await tab.context.close()
  })

  it('is answered to the end where that was cut off, also on another device', async () => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    const { session, platform } = device
    await session.keys.beginLeakAnswer()
    await session.rotateAccountKey({ password: PASSWORD, newPassword: NEXT, onRecoveryKey: () => undefined })
    const tab = await world.openProfile()
    const { page } = tab
    await signIn(tab, login, NEXT)
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByText('Password and recovery key are new; identity and vault key are not yet.').waitFor()
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('Everything that opens your account is new').waitFor()
    await page.getByRole('button', { name: 'Make everything new' }).waitFor()
    await using resumed = await Strongroom.resume(platform)
    expect(await resumed?.keys.leakAnswer()).toBeNull()
    expect((await resumed?.keys.status())?.epoch).toBe(2)
    await tab.context.close()
  })
})
