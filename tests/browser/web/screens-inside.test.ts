import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storedObjects } from '../../dev-env/stored-objects.ts'
import { operator } from '../../e2e/src/admin/operator.ts'
import { bulkWriter } from '../../e2e/src/checkpoints/bulk-writer.ts'
import { freshLogin, loginDevice, PASSWORD, registerDevice } from '../../e2e/src/sdk/sdk.ts'
import { inspect, PICTURES } from './inspect.ts'
import { colours, silence } from './samples.ts'
import {
  dismiss,
  readRecoveryKey,
  row,
  signIn,
  signUp,
  startWebWorld,
  type Tab,
  uploadFiles,
  type WebWorld,
} from './tab.ts'
import { totp } from './totp.ts'

const HOUR_MS = 3_600_000

let world: WebWorld

/** A new account, signed in in a fresh profile. */
async function signedIn(): Promise<Tab & { login: string }> {
  const login = freshLogin()
  await using device = await registerDevice(world.server.url, login)
  expect(device.session.identity.login).toBe(login)
  const tab = await world.openProfile()
  await signIn(tab, login, PASSWORD)
  await tab.page.getByText('This folder is empty').waitFor()
  return { ...tab, login }
}

async function makeFolder({ page }: Tab, name: string): Promise<void> {
  await page.keyboard.press('n')
  await page.getByLabel('Folder name').fill(name)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.getByRole('button', { name, exact: true }).waitFor()
}

// What accessibility.test.ts, which every run has, does not pass by.
describe.runIf(process.env.STRONGROOM_SOAK === '1')('screens of an account', { timeout: HOUR_MS }, () => {
  beforeAll(async () => {
    await mkdir(PICTURES, { recursive: true })
    world = await startWebWorld()
  })
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
  })

  it('of an account that may not go on', async () => {
    const tab = await signedIn()
    const { page, context, login } = tab
    const admin = operator(world.server.settings)
    await admin.ok('disable', login)
    await page.reload()
    await page.getByText('This account is disabled').waitFor()
    await inspect(page, 'halt-disabled')
    await admin.ok('enable', login)
    await page.getByRole('button', { name: 'Check again' }).click()
    await page.getByText('This folder is empty').waitFor()
    await context.route('**/v1/**', (route) => route.abort())
    await page.reload()
    await page.getByText('The server cannot be reached').waitFor()
    await inspect(page, 'halt-network')
    await context.unroute('**/v1/**')
    await page.getByText('This folder is empty').waitFor()
    await page.evaluate(() => history.pushState({}, '', `/files/${'0'.repeat(32)}`))
    await page.reload()
    await page.getByText('This folder is no longer here').waitFor()
    await inspect(page, 'folder-gone')
    await page.goto(`${world.server.url}/no/such/place`)
    await page.getByText('There is nothing at this address').waitFor()
    await inspect(page, 'not-found')
    await page.getByRole('button', { name: 'Go to My files' }).click()
    await uploadFiles(tab, [{ name: 'notes.txt', bytes: Buffer.from('notes') }])
    await context.setOffline(true)
    await context.route('**/v1/**', (route) => route.abort())
    await page.getByText(/^No connection to the server/).waitFor({ timeout: 120_000 })
    await inspect(page, 'offline')
    await context.unroute('**/v1/**')
    await context.setOffline(false)
    await page.getByText(/^No connection to the server/).waitFor({ state: 'detached' })
    await admin.ok('quota', login, '1M')
    const large = { name: 'large.bin', mimeType: '', buffer: randomBytes(3_000_000) }
    await page.locator('input[type=file]').first().setInputFiles([large])
    await page
      .getByText(/^There is not enough room left/)
      .first()
      .waitFor()
    await inspect(page, 'transfers-failed')
    await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
    await context.clock.install()
    await page.reload()
    await row(tab, 'notes.txt').waitFor()
    await page.clock.fastForward(2 * HOUR_MS)
    await page.getByText('Locked after a while without use.').waitFor()
    await page.clock.resume()
    await inspect(page, 'locked')
    await context.close()
  })

  it('where something does not verify', async () => {
    const tab = await signedIn()
    const objects = storedObjects(world.server)
    const before = new Set(await objects.ids())
    await uploadFiles(tab, [{ name: 'changed.bin', bytes: randomBytes(400_000) }])
    for (const id of (await objects.ids()).filter((one) => !before.has(one))) {
      await objects.change(id, (bytes) => bytes.fill(7, bytes.length >> 1))
    }
    await row(tab, 'changed.bin').getByRole('checkbox').check()
    await tab.page.getByRole('button', { name: 'Download', exact: true }).click()
    await tab.page.getByText('Stop: something does not verify').waitFor()
    await inspect(tab.page, 'stop')
    await tab.context.close()
  })

  it('of files', async () => {
    const tab = await signedIn()
    const { page, context } = tab
    await page.getByRole('button', { name: 'New', exact: true }).first().click()
    await page.getByRole('menuitem', { name: 'Upload folder' }).waitFor()
    await inspect(page, 'menu-new')
    await dismiss(tab)
    await page.getByRole('button', { name: /^Account:/ }).click()
    await inspect(page, 'menu-account')
    await dismiss(tab)
    for (const name of ['2023', '2024', 'Contracts', 'Music']) await makeFolder(tab, name)
    await uploadFiles(tab, [
      { name: 'colours.png', bytes: colours(1200, 800) },
      { name: 'Minutes of the meeting.txt', bytes: Buffer.from('Present: all of us.\n\n'.repeat(60)) },
      { name: 'silence.wav', bytes: silence() },
      { name: 'Invoice 2024-0117.pdf', bytes: randomBytes(40_000) },
      { name: 'backup.tar.gz', bytes: randomBytes(900_000) },
      { name: 'x'.repeat(180), bytes: randomBytes(10) },
    ])
    await page.getByRole('button', { name: 'colours.png', exact: true }).click()
    await page.getByRole('img', { name: 'colours.png' }).waitFor()
    await inspect(page, 'preview-picture')
    await dismiss(tab)
    await page.getByRole('button', { name: 'Minutes of the meeting.txt', exact: true }).click()
    await page.getByRole('dialog').locator('pre').waitFor()
    await inspect(page, 'preview-text')
    await dismiss(tab)
    await page.getByRole('button', { name: 'silence.wav', exact: true }).click()
    await page.getByRole('dialog').locator('audio').waitFor()
    await inspect(page, 'preview-audio')
    await dismiss(tab)
    await page.getByRole('grid').click({ button: 'right', position: { x: 400, y: 640 } })
    await page.getByRole('menuitem', { name: 'New folder' }).waitFor()
    await inspect(page, 'menu-folder')
    await dismiss(tab)
    await row(tab, 'Contracts').click({ button: 'right', position: { x: 500, y: 20 } })
    await page.getByRole('menuitem', { name: 'Rename' }).waitFor()
    await inspect(page, 'menu-of-folder')
    await dismiss(tab)
    await page.keyboard.press('i')
    await inspect(page, 'details-of-folder')
    await row(tab, '2023').getByRole('checkbox').check()
    await row(tab, 'colours.png').getByRole('checkbox').check()
    await inspect(page, 'details-of-many')
    await page.keyboard.press('i')
    await page.getByRole('grid').focus()
    await page.keyboard.press('Escape')
    await page.getByText('3 selected').waitFor({ state: 'detached' })
    await row(tab, 'colours.png').click()
    await page.keyboard.press('F2')
    await page.getByLabel('New name').fill('silence.wav')
    await page.keyboard.press('Enter')
    await page.getByText('There is something of that name already.').waitFor()
    await page.screenshot({ path: `${PICTURES}/rename-taken-desktop-light.png` })
    await dismiss(tab)
    await row(tab, 'silence.wav').click()
    await page.keyboard.press('Delete')
    await page.getByText('1 item moved to trash').waitFor()
    await page.screenshot({ path: `${PICTURES}/toast-desktop-light.png` })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: `${PICTURES}/toast-phone-light.png` })
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.evaluate(() => {
      const data = new DataTransfer()
      data.items.add(new File(['x'], 'x.txt'))
      document.querySelector('.shell')?.dispatchEvent(new DragEvent('dragenter', { dataTransfer: data, bubbles: true }))
    })
    await page.getByText('Drop to upload to My files').waitFor()
    await inspect(page, 'drop')
    await context.close()
  })

  it('of transfers', async () => {
    const tab = await signedIn()
    const { page, context } = tab
    // Holds back what is sent, so that it stays on its way.
    await context.route('**/store/**', async (route) => {
      await new Promise((done) => setTimeout(done, HOUR_MS).unref())
      await route.abort()
    })
    const files = ['Minutes of the meeting of the board in the spring.txt', 'film.mp4', 'song.mp3', 'picture.jpg']
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles(files.map((name) => ({ name, mimeType: '', buffer: randomBytes(9_000_000) })))
    await page.getByText('Uploading 4 files').waitFor()
    await inspect(page, 'transfers-running')
    await page.getByRole('button', { name: 'Pause all' }).click()
    await page.getByText('4 uploads paused').waitFor()
    await inspect(page, 'transfers-paused')
    await page.getByRole('button', { name: 'Collapse' }).click()
    await inspect(page, 'transfers-collapsed')
    await context.close()
  })

  it('of a thousand files', async () => {
    const login = freshLogin()
    await using device = await registerDevice(world.server.url, login)
    const writer = await bulkWriter(device)
    const folder = writer.folder('Holidays in the mountains and by the sea')
    await writer.commit(folder.operations)
    const names = Array.from({ length: 1_000 }, (_, index) => `IMG_${String(index).padStart(4, '0')}.jpg`)
    await writer.commit(await writer.files(folder.nodeId, names))
    writer.close()
    await device.session.drive.sync()
    const tab = await world.openProfile()
    const { page, context } = tab
    await signIn(tab, login, PASSWORD)
    await page.getByRole('button', { name: 'Holidays in the mountains and by the sea', exact: true }).click()
    await row(tab, 'IMG_0000.jpg').waitFor()
    await inspect(page, 'thousand-list')
    await page.getByRole('grid').focus()
    await page.keyboard.press('Control+a')
    await page.getByText('1,000 selected').waitFor()
    await inspect(page, 'thousand-selected')
    await page.keyboard.press('Escape')
    await page.keyboard.press('v')
    await inspect(page, 'thousand-grid')
    await page.getByRole('button', { name: 'Sort' }).click()
    await inspect(page, 'menu-sort')
    await dismiss(tab)
    await page.getByLabel('Search all files').fill('img')
    await page.getByText(/results for “img”/).waitFor()
    await page.getByRole('button', { name: 'Show as list' }).click()
    await inspect(page, 'search-most')
    await context.close()
  })

  it('of the security page', async () => {
    const tab = await world.openProfile()
    const { page, context } = tab
    const login = freshLogin()
    const recoveryKey = await signUp(tab, login, PASSWORD)
    await uploadFiles(tab, [{ name: 'notes.txt', bytes: Buffer.from('notes') }])
    await using device = await loginDevice(world.server.url, login)
    expect(device.session.identity.login).toBe(login)
    await page.getByRole('link', { name: 'Security' }).click()
    const dialog = page.getByRole('dialog')
    await page.getByRole('button', { name: 'Change password' }).waitFor()
    await page.locator('.activity li').first().waitFor()
    const height = await page.locator('.settings').evaluate((element) => element.scrollHeight)
    for (const [size, width] of Object.entries({ desktop: 1440, phone: 390, narrow: 360 })) {
      await page.setViewportSize({ width, height: Math.min(4_000, height + (width < 800 ? 2_400 : 200)) })
      await page.screenshot({ path: `${PICTURES}/security-whole-${size}.png` })
    }
    await page.setViewportSize({ width: 1440, height: 900 })
    const open = async (button: string, name: string): Promise<void> => {
      await page.getByRole('button', { name: button }).click()
      await dialog.waitFor()
      await inspect(page, name)
    }
    const giveUp = async (): Promise<void> => {
      await dialog.getByRole('button', { name: 'Close' }).first().click()
      await dialog.waitFor({ state: 'detached' })
    }
    await open('Test it', 'security-test-key')
    await dialog.getByLabel('Recovery key').fill(recoveryKey)
    await dialog.getByRole('button', { name: 'Test', exact: true }).click()
    await dialog.getByText('That is your recovery key.').waitFor()
    await inspect(page, 'security-test-key-right')
    await giveUp()
    await open('Make a new one', 'security-new-key')
    await dialog.getByLabel('Current password').fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await readRecoveryKey(page)
    await inspect(page, 'security-new-key-shown')
    await dialog.getByRole('button', { name: 'I have saved it' }).click()
    await dialog.getByLabel('Recovery key').fill('0000')
    await dialog.getByRole('button', { name: 'Finish' }).click()
    await inspect(page, 'security-new-key-typed')
    await giveUp()
    await open('Renew: Account key', 'security-renew-account')
    await giveUp()
    await open('Renew: Vault key, number 1', 'security-renew-vault')
    await giveUp()
    await open('Renew: Key of 1 stored content', 'security-renew-contents')
    await giveUp()
    await open('Compare with another device', 'security-compare')
    await dialog.getByLabel('State code of the other device').fill('one two')
    await dialog.getByRole('button', { name: 'Compare', exact: true }).click()
    await inspect(page, 'security-compare-wrong')
    await giveUp()
    await open('Set up', 'security-factor')
    await dialog.getByLabel('Current password').fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await dialog.locator('code').waitFor()
    await inspect(page, 'security-factor-code')
    const secret = ((await dialog.locator('code').textContent()) ?? '').replaceAll(' ', '')
    await dialog.getByLabel('Code').fill(totp(secret, 0))
    await dialog.getByRole('button', { name: 'Turn on' }).click()
    await page.getByText('10 backup codes are left.').waitFor()
    await open('Turn off', 'security-factor-off')
    await giveUp()
    await open('Change password', 'security-password')
    await giveUp()
    await open('Delete account', 'security-delete')
    await giveUp()
    const other = await world.openProfile()
    await signIn(other, login, PASSWORD)
    await other.page.getByLabel('Code').waitFor()
    await inspect(other.page, 'second-factor-asked')
    await other.context.close()
    await context.close()
  })
})
