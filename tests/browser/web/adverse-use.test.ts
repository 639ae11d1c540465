import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Locator, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mountSmallDisk, type SmallDisk } from '../../e2e/src/journeys/small-disk.ts'
import { PASSWORD } from '../../e2e/src/sdk/sdk.ts'
import { newOwner } from './owner.ts'
import { row, signIn, startWebWorld, type UploadedFile, uploadFiles, type WebWorld } from './tab.ts'
import { totp } from './totp.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
const MIB = 1024 * 1024
const DISK_MIB = 96
/** What is left on the disk; the server keeps some of that free. */
const ROOM_MIB = 20

let world: WebWorld
let disk: SmallDisk | null = null

beforeAll(async () => {
  disk = mountSmallDisk(DISK_MIB)
  const env = disk === null ? {} : { BLOB_URL: pathToFileURL(path.join(disk.path, 'blobs')).href }
  world = await startWebWorld('chromium', env)
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await disk?.[Symbol.asyncDispose]()
})

const panel = (page: Page) => page.getByRole('region', { name: 'Transfers' })

/** Begins to upload as if the files were picked. */
async function pick(page: Page, files: readonly UploadedFile[]): Promise<void> {
  const picked = files.map(({ name, bytes }) => ({ name, mimeType: 'application/octet-stream', buffer: bytes }))
  await page.locator('input[type=file]').first().setInputFiles(picked)
}

const isCommit = ({ method, url }: { method: string; url: string }): boolean =>
  method === 'POST' && url.endsWith('/commits')

describe('an upload', () => {
  it('is told that the disk of the server is full, and goes on once there is room', async (context) => {
    if (disk === null) return context.skip('mounting a small disk needs Linux and root')
    await using tab = await newOwner(world)
    const { page } = tab
    const ballast = path.join(disk.path, 'ballast')
    await writeFile(ballast, Buffer.alloc((DISK_MIB - ROOM_MIB) * MIB))
    const small = { name: 'small.txt', bytes: Buffer.from('small') }
    await pick(page, [small, { name: 'large.bin', bytes: randomBytes(ROOM_MIB * MIB) }])
    await panel(page)
      .getByRole('listitem')
      .getByText(/^The server has no room left/)
      .waitFor()
    await row(tab, 'small.txt').waitFor()
    expect(await row(tab, 'large.bin').count()).toBe(0)
    await rm(ballast)
    await panel(page).getByRole('button', { name: 'Try again' }).first().click()
    await row(tab, 'large.bin').waitFor()
    await page.getByText('2 files uploaded').waitFor()
  })

  it('whose last answer is lost with the network stands there once', async () => {
    await using tab = await newOwner(world)
    const { page, context, device } = tab
    let committed = 0
    const lose = async (route: Route): Promise<void> => {
      const request = route.request()
      if (!isCommit({ method: request.method(), url: request.url() })) return await route.continue()
      await context.setOffline(true)
      const answer = await route.fetch()
      if (answer.ok()) committed += 1
      await route.abort('connectionreset')
    }
    await context.route('**/v1/vaults/**', lose)
    const files = [
      { name: 'small.txt', bytes: Buffer.from('small') },
      { name: 'large.bin', bytes: randomBytes(9_000_000) },
    ]
    for (const file of files) {
      await pick(page, [file])
      await panel(page).getByRole('listitem').getByText('Waiting for the network').waitFor()
      await context.unroute('**/v1/vaults/**', lose)
      await context.setOffline(false)
      await row(tab, file.name).waitFor()
      await page.getByText('1 file uploaded').waitFor()
      await panel(page).getByRole('button', { name: 'Close' }).click()
      await context.route('**/v1/vaults/**', lose)
    }
    expect(committed).toBeGreaterThanOrEqual(files.length)
    const { drive } = device.session
    await drive.sync()
    expect(drive.listLocal('/').map((entry) => entry.name)).toEqual(['large.bin', 'small.txt'])
    for (const { name } of files) expect(await drive.versions(`/${name}`)).toHaveLength(1)
  })

  it.runIf(SOAK)('loses its journal in the middle, and ends as if nothing had happened', async () => {
    await using tab = await newOwner(world)
    const { page, context } = tab
    const tools = await context.newCDPSession(page)
    let puts = 0
    await context.route('**/v1/store/**', async (route) => {
      puts += 1
      if (puts === 2) {
        const storageTypes = 'indexeddb'
        await tools.send('Storage.clearDataForOrigin', { origin: world.server.url, storageTypes })
      }
      await route.continue()
    })
    await pick(page, [{ name: 'large.bin', bytes: randomBytes(20 * MIB) }])
    const ended = page.getByText('1 file uploaded')
    // What was being written at that moment may be lost with it; then its user is told.
    const told = panel(page).getByText(/^This browser could not keep or read something/)
    await ended.or(told).first().waitFor()
    if (await told.isVisible()) await panel(page).getByRole('button', { name: 'Try again' }).first().click()
    await ended.waitFor()
    expect(puts).toBeGreaterThan(2)
    await page.reload()
    await row(tab, 'large.bin').waitFor()
    expect(await row(tab, 'large (2).bin').count()).toBe(0)
    expect(tab.complaints).toEqual([])
  })
})

describe('a tab', () => {
  it('goes on where codes are asked for since, and asks for one when it is opened anew', async () => {
    await using tab = await newOwner(world)
    const { page } = tab
    const { secondFactor } = tab.device.session
    const { enrolmentId, secret } = await secondFactor.begin({ password: PASSWORD })
    const backupCodes = secondFactor.generateBackupCodes()
    await secondFactor.confirm({ enrolmentId, code: totp(secret, 0), backupCodes })
    await uploadFiles(tab, [{ name: 'after.txt', bytes: Buffer.from('after') }])
    await page.getByRole('link', { name: 'Security' }).click()
    await page.getByText(`${backupCodes.length} backup codes are left.`).waitFor()
    await page.getByRole('button', { name: /^Account/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await signIn(tab, tab.login, PASSWORD)
    await page.getByLabel('Code').fill(totp(secret, 1))
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByRole('link', { name: 'My files' }).click()
    await row(tab, 'after.txt').waitFor()
    expect(tab.complaints).toEqual([])
  })

  it('shows where the keyboard is and what is selected where the system chooses the colours', async () => {
    await using tab = await newOwner(world)
    const { page } = tab
    await uploadFiles(tab, [{ name: 'a.txt', bytes: Buffer.from('a') }])
    await page.emulateMedia({ forcedColors: 'active' })
    const outline = (where: Locator): Promise<string> => where.evaluate((found) => getComputedStyle(found).outlineStyle)
    await page.keyboard.press('Tab')
    for (const kind of ['link', 'button', 'textbox', 'searchbox'] as const) {
      const one = page.getByRole(kind).first()
      if ((await one.count()) === 0) continue
      await one.focus()
      expect(await outline(one), kind).toBe('solid')
    }
    expect(await outline(row(tab, 'a.txt'))).toBe('none')
    await page.getByRole('grid').focus()
    expect(await outline(row(tab, 'a.txt'))).toBe('dashed')
    await row(tab, 'a.txt').getByRole('checkbox').check()
    expect(await outline(row(tab, 'a.txt'))).toBe('solid')
  })

  it('that was put to sleep shows what came meanwhile when it wakes', async () => {
    await using tab = await newOwner(world)
    const tools = await tab.context.newCDPSession(tab.page)
    await tools.send('Page.setWebLifecycleState', { state: 'frozen' })
    await tab.device.session.drive.mkdir('/while asleep')
    await tools.send('Page.setWebLifecycleState', { state: 'active' })
    await row(tab, 'while asleep').waitFor()
    expect(tab.complaints).toEqual([])
  })
})
