import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keptBlobBytes, watchMemory } from './browser-memory.ts'
import { downloadEntry, row, signUp, startWebWorld, type Tab, type WebWorld } from './tab.ts'
import { longTasks } from './tasks.ts'

const MIB = 1024 * 1024
const PART = 8 * MIB
const SOAK = process.env.STRONGROOM_SOAK === '1'
/** A private window, as this one, has memory for 2 GiB of bodies that are kept, and no disk for more. */
const SIZE = SOAK ? Number(process.env.STRONGROOM_LARGE_GIB ?? 3) * 1024 * MIB : 400 * MIB
/** What Chromium may keep of an upload of any size; it is 184 MiB here. */
const MOST_KEPT = 300 * MIB
/** Longest task of the main thread while it uploads, in milliseconds of the processor. */
const MOST_TASK_MS = 100
const NAME = 'long film.mp4'
const HOUR_MS = 3_600_000

let world: WebWorld
let tab: Tab
let folder: string
let file: string
let sum: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-large-'))
  file = path.join(folder, NAME)
  sum = await writeLarge(file)
  world = await startWebWorld()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Random bytes that repeat, with the number of the repetition; returns the digest. */
async function writeLarge(to: string): Promise<string> {
  const hash = createHash('sha256')
  const block = randomBytes(PART)
  const handle = await open(to, 'w')
  for (let index = 0; index * PART < SIZE; index += 1) {
    block.writeUInt32LE(index, 1_000)
    hash.update(block)
    await handle.write(block)
  }
  await handle.close()
  return hash.digest('hex')
}

async function digestOf(of: string, start = 0, length = Number.POSITIVE_INFINITY): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(of, { start, end: start + length - 1 })) hash.update(chunk)
  return hash.digest('hex')
}

/** Where the content of an entry begins in a zip whose entries are stored as they are. */
async function entryStart(zip: string, name: string): Promise<number> {
  const head = Buffer.alloc(64 * 1024)
  const handle = await open(zip)
  await handle.read(head, 0, head.length, 0)
  await handle.close()
  const at = head.indexOf(name)
  expect(at).toBeGreaterThan(0)
  return at + Buffer.byteLength(name) + head.readUInt16LE(at - 2)
}

/** Pauses the upload and lets it go on; one that has ended meanwhile is left alone. */
async function pauseOnce(page: Page): Promise<void> {
  const ended = page.getByText('1 file uploaded')
  const paused = page.getByText('1 upload paused')
  const isPausing = await page
    .getByRole('button', { name: 'Pause' })
    .click({ timeout: 10_000 })
    .then(
      () => true,
      () => false,
    )
  if (!isPausing) return await ended.waitFor()
  await paused.or(ended).first().waitFor()
  if (await paused.isVisible()) await page.getByRole('button', { name: 'Go on' }).click()
}

function tellMemory(what: string, most: Record<string, number>): void {
  const text = Object.entries(most).map(([kind, size]) => `${kind} ${size}`)
  console.info(`${what} of ${SIZE / MIB} MiB: at most ${text.join(', ')} MiB`)
}

describe(`a file of ${SIZE / MIB} MiB in the browser`, { timeout: HOUR_MS }, () => {
  it('goes up through a reload and a pause, without sending again what arrived', async () => {
    // Reason: a second attempt finds nothing of the first.
    tab = await world.openProfile()
    const { page, context } = tab
    page.on('dialog', (dialog) => void dialog.accept())
    await signUp(tab, `director-${Date.now()}@example.org`, 'a director of long films')
    let puts = 0
    context.on('requestfinished', (request) => {
      if (request.method() === 'PUT' && request.url().includes('/store/')) puts += 1
    })
    const memory = watchMemory()
    await page.keyboard.press('n')
    await page.getByLabel('Folder name').fill('films')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('button', { name: 'films', exact: true }).click()
    await page.getByText('This folder is empty').waitFor()
    await page.locator('input[type=file]').first().setInputFiles(file)
    const parts = Math.ceil(SIZE / PART) + 1
    await expect.poll(() => puts, { timeout: HOUR_MS / 2 }).toBeGreaterThan(parts / 4)
    await page.reload()
    await page.getByText('Uploading 1 file').waitFor()
    await pauseOnce(page)
    if (SOAK) {
      const { busy, clock } = await longTasks(page, MOST_TASK_MS, async () => {
        await expect.poll(() => puts, { timeout: HOUR_MS / 2 }).toBeGreaterThan(parts / 2)
      })
      console.info(`tasks of more than ${MOST_TASK_MS} ms: ${busy.length}; by the clock: ${clock.join(', ') || 'none'}`)
      expect(busy).toEqual([])
    }
    await page.getByText('1 file uploaded').waitFor({ timeout: HOUR_MS / 2 })
    await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
    tellMemory('upload', memory.stop())
    // Parts under way when the page was reloaded, or paused, are sent once more.
    expect(puts).toBeLessThanOrEqual(parts + 20)
  })

  it('leaves no more of itself in the browser than any other', async () => {
    const kept = await keptBlobBytes(tab.context)
    console.info(`bodies that Chromium keeps: ${Math.round(kept / MIB)} MiB`)
    expect(kept).toBeLessThan(MOST_KEPT)
  })

  // Reason: the zip tells the same of small ones.
  it.runIf(SOAK)('comes down to disk as it was', async () => {
    const memory = watchMemory()
    const download = await downloadEntry(tab, NAME)
    const saved = await download.path()
    tellMemory('download', memory.stop())
    expect(await digestOf(saved)).toBe(sum)
    await download.delete()
  })

  it('comes down within its folder, in a zip', async () => {
    const { page } = tab
    await page.goto(world.server.url)
    await row(tab, 'films').waitFor()
    const memory = watchMemory()
    const download = await downloadEntry(tab, 'films')
    const saved = await download.path()
    tellMemory('zip', memory.stop())
    expect(await digestOf(saved, await entryStart(saved, `films/${NAME}`), SIZE)).toBe(sum)
    expect(tab.complaints).toEqual([])
  })
})
