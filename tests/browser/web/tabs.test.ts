import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { row, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const SIZE = 96 * 1024 * 1024
/** Long enough for a tab to have asked what is left to send. */
const ASKED_MS = 3_000

let world: WebWorld
let folder: string

beforeAll(async () => {
  world = await startWebWorld()
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-tabs-'))
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Begins an upload that stands still in the middle. */
async function beginUpload({ page, context }: Tab, name: string): Promise<void> {
  let puts = 0
  context.on('requestfinished', (request) => {
    if (request.method() === 'PUT' && request.url().includes('/store/')) puts += 1
  })
  const file = path.join(folder, name)
  await writeFile(file, randomBytes(SIZE))
  await page.locator('input[type=file]').first().setInputFiles(file)
  await expect.poll(() => puts, { timeout: 60_000 }).toBeGreaterThan(0)
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('1 upload paused').waitFor()
}

const transfersOf = (page: Page) => page.getByRole('region', { name: 'Transfers' })

describe('a reload', () => {
  it('does not send again what had arrived although its page did not know', async () => {
    const tab = await world.openProfile()
    await signUp(tab, `late-${Date.now()}@example.org`, 'a password of two tabs')
    // As if the page had ended between the commit and the word that these files need no keeping any more.
    await tab.page.evaluate(() => {
      const post = ServiceWorker.prototype.postMessage
      ServiceWorker.prototype.postMessage = function (this: ServiceWorker, word: { type: string }, ...rest: unknown[]) {
        if (word.type !== 'drop') Reflect.apply(post, this, [word, ...rest])
      }
    })
    const names = ['a.txt', 'b.txt', 'c.txt']
    await uploadFiles(
      tab,
      names.map((name) => ({ name, bytes: randomBytes(2_000) })),
    )
    await tab.page.reload()
    await tab.page.getByText('3 files uploaded').waitFor()
    expect(await tab.page.locator('.row .name').allTextContents()).toEqual(names)
    expect(tab.complaints).toEqual([])
    await tab.context.close()
  })
})

describe('two tabs', () => {
  it('never send the same upload, and one goes on with what the other has left when it was closed', async () => {
    const first = await world.openProfile()
    await signUp(first, `tabs-${Date.now()}@example.org`, 'a password of two tabs')
    await beginUpload(first, 'film.mp4')
    const page = await first.context.newPage()
    await page.goto(world.server.url)
    await page.getByText('This folder is empty').waitFor()
    await page.waitForTimeout(ASKED_MS)
    expect(await transfersOf(page).count()).toBe(0)
    await first.page.close()
    await page.getByText('1 file uploaded').waitFor({ timeout: 120_000 })
    await row({ ...first, page }, 'film.mp4').waitFor()
    expect(first.complaints).toEqual([])
    await first.context.close()
  })
})
