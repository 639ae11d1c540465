import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shownName } from '../../../apps/web/src/format.ts'
import { type HostileFile, hostileFiles, type Outcome } from './hostile-files.ts'
import { dismiss, downloadEntry, row, signUp, startWebWorld, type Tab, type WebWorld } from './tab.ts'
import { longTasks } from './tasks.ts'

/** Longest task of the page's main thread, in milliseconds of the processor. */
const MOST_TASK_MS = 500
/** Files whose details are looked at; those with odd names come first. */
const DETAILED = 12
/** Of a folder. */
const ADDRESS = /^\/files(\/\w+)?$/

let world: WebWorld
let tab: Tab
let trap: Server
let files: readonly HostileFile[]
/** Addresses that the trap was asked for. */
const trapped: string[] = []
/** What files may have made the browser do. */
const happened: string[] = []

const byShownName = (): Map<string, HostileFile> => new Map(files.map((file) => [shownName(file.name), file]))

beforeAll(async () => {
  trap = createServer((request, response) => {
    trapped.push(request.url ?? '')
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end('owned=1')
  })
  await new Promise<void>((done) => trap.listen(0, '127.0.0.1', done))
  files = hostileFiles(`http://127.0.0.1:${(trap.address() as AddressInfo).port}`)
  world = await startWebWorld()
  tab = await world.openProfile()
  await signUp(tab, 'target@example.org', 'the target of many files')
  const { page, context } = tab
  context.on('page', (opened) => happened.push(`a window was opened: ${opened.url()}`))
  page.on('dialog', (dialog) => {
    happened.push(`a dialog was opened: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('framenavigated', (frame) => {
    if (frame === page.mainFrame() && !ADDRESS.test(new URL(frame.url()).pathname))
      happened.push(`the page went to ${frame.url()}`)
  })
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  trap?.closeAllConnections()
  trap?.close()
})

/** A folder whose name seems to end otherwise. */
const FOLDER = 'photos\u202egnp.exe'
/** Marks that turn or hide the letters of names. */
const TRICKS = /[\u200b\u202a-\u202e\u2066-\u2069\ufeff]/

/** Nothing ran, nobody was told, nothing was opened, and no name pretends to be another. */
async function expectNothing(): Promise<void> {
  const { page } = tab
  expect(await page.locator('body').textContent()).not.toMatch(TRICKS)
  const labels = await page.evaluate(() =>
    [...document.querySelectorAll('[title], [aria-label]')].flatMap((element) =>
      ['title', 'aria-label'].map((name) => element.getAttribute(name) ?? ''),
    ),
  )
  expect(labels.filter((text) => TRICKS.test(text))).toEqual([])
  expect(trapped).toEqual([])
  expect(happened).toEqual([])
  const traces = await page.evaluate(() => [document.title, 'owned' in window, location.pathname, document.cookie])
  expect(traces).toEqual([`${shownName(FOLDER)} – Strongroom`, false, expect.stringMatching(ADDRESS), ''])
  expect(tab.sent.filter((text) => /^https?:.*owned/.test(text))).toEqual([])
  const workers = await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)
  expect(workers).toBe(1)
}

/** The main thread of the page stays free while `act` runs. */
async function freely(act: () => Promise<void>): Promise<void> {
  const { busy } = await longTasks(tab.page, MOST_TASK_MS, act)
  expect(busy).toEqual([])
}

const ELEMENTS = {
  picture: '.preview-image',
  drawing: 'iframe.preview-drawing',
  text: 'pre .preview-block',
  player: 'audio, video',
  pdf: '.preview-pdf, .preview-none',
} as const

async function expectShown(page: Page, outcome: Outcome): Promise<void> {
  const dialog = page.getByRole('dialog')
  if (typeof outcome !== 'string') return await dialog.getByText(outcome.says).waitFor()
  const shown = dialog.locator(ELEMENTS[outcome]).first()
  await shown.waitFor()
  if (outcome !== 'picture') return
  const width = () => shown.evaluate((image) => (image as HTMLImageElement).naturalWidth)
  await expect.poll(width).toBeGreaterThan(0)
}

describe('hostile files', () => {
  it('are taken, listed and pictured as what they are', async () => {
    const { page } = tab
    await page.keyboard.press('n')
    await page.getByLabel('Folder name').fill(FOLDER)
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('button', { name: shownName(FOLDER), exact: true }).click()
    await page.getByText('This folder is empty').waitFor()
    const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-hostile-'))
    await Promise.all(files.map(({ name, bytes }) => writeFile(path.join(folder, name), bytes)))
    await freely(async () => {
      const paths = files.map(({ name }) => path.join(folder, name))
      await page.locator('input[type=file]').first().setInputFiles(paths)
      await page.getByText(`${files.length} files uploaded`).waitFor()
      await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
      await expect.poll(() => page.locator('img.thumbnail').count()).toBeGreaterThan(0)
    })
    await rm(folder, { recursive: true })
    await expectNothing()
  })

  it('are shown without running, telling or freezing anything', async () => {
    const { page } = tab
    const wanted = byShownName()
    const dialog = page.getByRole('dialog')
    await freely(async () => {
      await page.locator('.row button.name').first().click()
      for (let seen = ''; wanted.size > 0; ) {
        await expect.poll(() => dialog.getAttribute('aria-label')).not.toBe(seen)
        seen = (await dialog.getAttribute('aria-label')) ?? ''
        const file = wanted.get(seen)
        if (file === undefined) throw new Error(`a file that was not uploaded, or twice: ${seen}`)
        await expectShown(page, file.shows)
        wanted.delete(seen)
        if (wanted.size > 0) await page.keyboard.press('ArrowRight')
      }
      await dismiss(tab)
    })
    await expectNothing()
  })

  it('have details and versions, whatever they are called', async () => {
    const { page } = tab
    const files = byShownName()
    await freely(async () => {
      await page.getByRole('button', { name: 'Details', exact: true }).click()
      const heading = page.getByRole('complementary', { name: 'Details' }).getByRole('heading', { level: 3 })
      await page.locator('.row').first().click()
      for (let seen = 0, before = ''; seen < DETAILED; seen += 1) {
        await expect.poll(() => heading.textContent()).not.toBe(before)
        before = (await heading.textContent()) ?? ''
        expect(files.has(before), before).toBe(true)
        await page.keyboard.press('ArrowDown')
      }
      await page.getByRole('button', { name: 'Close details' }).click()
      const name = '<img src=x onerror=alert(1)>.png'
      await row(tab, name).getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Versions' }).click()
      await page.getByRole('dialog').getByText(name).waitFor()
      await dismiss(tab)
    })
    await expectNothing()
  })

  it('come down as they were, under names that stay where they belong', async () => {
    const download = await downloadEntry(tab, '..\\..\\windows.txt')
    expect(download.suggestedFilename()).not.toMatch(/[\\/]/)
    await tab.page.getByRole('checkbox', { name: 'Select all' }).check()
    const [all] = await Promise.all([
      tab.page.waitForEvent('download'),
      tab.page.getByRole('button', { name: 'Download', exact: true }).click(),
    ])
    const names = zipNames(await readFile(await all.path()))
    expect(names.length).toBe(files.length)
    for (const name of names) expect(name).not.toMatch(/[\\/\p{Cc}]/u)
    await expectNothing()
    const expected = /^Failed to load resource|media|MEDIA|PIPELINE|DEMUXER/
    expect(tab.complaints.filter((text) => !expected.test(text))).toEqual([])
  })

  it('would have been noticed: what opens them without care is heard of', async () => {
    const { context } = tab
    const careless = await context.browser()?.newContext()
    const page = await careless?.newPage()
    const drawing = files.find(({ name }) => name === 'onload.svg')
    await page?.route('http://127.0.0.1/onload.svg', (route) =>
      route.fulfill({ contentType: 'image/svg+xml', body: drawing?.bytes ?? '' }),
    )
    const opened = page?.waitForEvent('dialog')
    void page?.goto('http://127.0.0.1/onload.svg').catch(() => undefined)
    await (await opened)?.dismiss()
    await expect.poll(() => trapped.filter((url) => url.startsWith('/owned')).length).toBeGreaterThan(1)
    await careless?.close()
  })
})

/** Names of the entries of a zip, by the directory at its end. */
function zipNames(zip: Buffer): string[] {
  const end = zip.lastIndexOf('PK\x05\x06')
  const names: string[] = []
  let at = zip.readUInt32LE(end + 16)
  while (at < end && zip.toString('latin1', at, at + 4) === 'PK\x01\x02') {
    const nameLength = zip.readUInt16LE(at + 28)
    names.push(zip.toString('utf8', at + 46, at + 46 + nameLength))
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return names
}
