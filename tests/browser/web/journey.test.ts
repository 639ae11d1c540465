import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findNeedles, type Haystack, textCanary } from '../../adversary/src/harness/needles.ts'
import { runCli } from '../../dev-env/cli.ts'
import { keptBlobBytes, watchMemory } from './browser-memory.ts'
import { digestOf, digestsOfZip } from './digests.ts'
import { dropFromDisk } from './drop.ts'
import {
  dismiss,
  downloadEntry,
  PHONE,
  readRecoveryKey,
  row,
  signIn,
  signUp,
  startWebWorld,
  type Tab,
  uploadFiles,
  type WebWorld,
} from './tab.ts'
import { longTasks } from './tasks.ts'

const MIB = 1024 * 1024
const PART = 8 * MIB
const SOAK = process.env.STRONGROOM_SOAK === '1'
/** A private window, as this one, has memory for 2 GiB of bodies that are kept, and no disk for more. */
const FILM_SIZE = SOAK ? Number(process.env.STRONGROOM_LARGE_GIB ?? 3) * 1024 * MIB : 336 * MIB
const FILM_PARTS = Math.ceil(FILM_SIZE / PART) + 1
/** What Chromium may keep of an upload of any size; it is 184 MiB here. */
const MOST_KEPT = 300 * MIB
/** Longest task of the main thread while it uploads, in milliseconds of the processor. */
const MOST_TASK_MS = 100
/** How soon a change made elsewhere shows. */
const SOON_MS = 5_000
const HOUR_MS = 3_600_000
/** Longest that a part of the upload takes. */
const PART_MS = SOAK ? HOUR_MS / 2 : 60_000

const ALBUMS = 10
const PHOTOS = 500
const HOLIDAY = 'canary holiday'
const FILM = 'canary film.mp4'
const LETTER = 'canary letter.txt'
const PASSWORD = 'canary password of four words'
const NEW_PASSWORD = 'canary password that replaces it'
const WORDS = 'canary words that the photos hold'

let world: WebWorld
let disk: string
/** What belongs at each path of the zip, told from here and never from the app. */
const expected = new Map<string, string>()
let attempts = 0

beforeAll(async () => {
  disk = await mkdtemp(path.join(tmpdir(), 'strongroom-journey-'))
  await writePhotos()
  expected.set(`${HOLIDAY}/${FILM}`, await writeFilm(path.join(disk, FILM)))
  world = await startWebWorld()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await rm(disk, { recursive: true })
})

const albumOf = (photo: number): string => `album ${photo % ALBUMS}`
const nameOf = (photo: number): string => `canary photo ${String(photo).padStart(3, '0')}.jpg`

async function writePhotos(): Promise<void> {
  for (let album = 0; album < ALBUMS; album += 1) {
    await mkdir(path.join(disk, HOLIDAY, albumOf(album)), { recursive: true })
  }
  for (let photo = 0; photo < PHOTOS; photo += 1) {
    const bytes = Buffer.concat([Buffer.from(`${WORDS} ${photo}`), randomBytes(1_000 + photo * 50)])
    await writeFile(path.join(disk, HOLIDAY, albumOf(photo), nameOf(photo)), bytes)
    expected.set(`${HOLIDAY}/${albumOf(photo)}/${nameOf(photo)}`, createHash('sha256').update(bytes).digest('hex'))
  }
}

/** Random bytes that repeat, with the number of the repetition; returns the digest. */
async function writeFilm(to: string): Promise<string> {
  const hash = createHash('sha256')
  const block = Buffer.concat([Buffer.from(WORDS), randomBytes(PART - WORDS.length)])
  const handle = await open(to, 'w')
  for (let index = 0; index * PART < FILM_SIZE; index += 1) {
    block.writeUInt32LE(index, 1_000)
    hash.update(block)
    await handle.write(block)
  }
  await handle.close()
  return hash.digest('hex')
}

function tellMemory(what: string, most: Record<string, number>): void {
  const text = Object.entries(most).map(([kind, size]) => `${kind} ${size}`)
  console.info(`${what} of ${FILM_SIZE / MIB} MiB: at most ${text.join(', ')} MiB`)
}

async function closeTransfers({ page }: Tab): Promise<void> {
  await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
}

/** Opens what is in view by its name. */
async function enter({ page }: Tab, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click()
  await page.getByRole('heading', { name, exact: true, level: 1 }).waitFor()
}

async function goHome(tab: Tab): Promise<void> {
  await tab.page.getByRole('link', { name: 'My files' }).click()
  await row(tab, HOLIDAY).waitFor()
}

/** Drops it all, reloads twice on the way, pauses, and waits for the end. */
async function upload(tab: Tab): Promise<void> {
  const { page, context } = tab
  let puts = 0
  context.on('requestfinished', (request) => {
    if (request.method() === 'PUT' && request.url().includes('/store/')) puts += 1
  })
  page.on('dialog', (dialog) => void dialog.accept())
  const memory = watchMemory()
  await dropFromDisk(page, [path.join(disk, HOLIDAY), path.join(disk, FILM)], async () => {
    await page.getByText('Drop to upload to My files').waitFor()
  })
  await page.getByText(`Uploading ${PHOTOS + 1} files`).waitFor()
  // The first photos have arrived, and more are on their way.
  await page.getByText(/^Uploading (\d|[1-4]?\d\d) files?$/).waitFor()
  await page.reload()
  await page.getByText('Uploading 1 file', { exact: true }).waitFor()
  puts = 0
  await expect.poll(() => puts, { timeout: PART_MS }).toBeGreaterThan(FILM_PARTS / 4)
  await page.reload()
  await page.getByText('Uploading 1 file', { exact: true }).waitFor()
  await pauseOnce(tab)
  if (SOAK) {
    const { busy, clock } = await longTasks(page, MOST_TASK_MS, async () => {
      await expect.poll(() => puts, { timeout: PART_MS }).toBeGreaterThan(FILM_PARTS / 2)
    })
    console.info(`tasks of more than ${MOST_TASK_MS} ms: ${busy.length}; by the clock: ${clock.join(', ') || 'none'}`)
    expect(busy).toEqual([])
  }
  await page.getByText('1 file uploaded').waitFor({ timeout: PART_MS })
  await closeTransfers(tab)
  tellMemory('upload', memory.stop())
  // Parts under way when the page was reloaded, or paused, are sent once more.
  expect(puts).toBeLessThanOrEqual(FILM_PARTS + 20)
  const kept = await keptBlobBytes(context)
  console.info(`bodies that Chromium keeps: ${Math.round(kept / MIB)} MiB`)
  expect(kept).toBeLessThan(MOST_KEPT)
}

/** Pauses the upload and lets it go on; one that has ended meanwhile is left alone. */
async function pauseOnce({ page }: Tab): Promise<void> {
  const ended = page.getByText('1 file uploaded')
  const paused = page.getByText('1 upload paused')
  const isPausing = await page
    .getByRole('button', { name: 'Pause', exact: true })
    .click({ timeout: 10_000 })
    .then(
      () => true,
      () => false,
    )
  if (!isPausing) return await ended.waitFor()
  await paused.or(ended).first().waitFor()
  if (await paused.isVisible()) await page.getByRole('button', { name: 'Go on', exact: true }).click()
}

async function findByName(tab: Tab): Promise<void> {
  await tab.page.getByLabel('Search all files').fill('photo 417')
  await tab.page.getByText('1 result for “photo 417”').waitFor()
  await row(tab, nameOf(417)).waitFor()
  await tab.page.keyboard.press('Escape')
  await row(tab, HOLIDAY).waitFor()
}

/** Renames, moves by dialog and by dragging, throws away, undoes and restores; `belongs` then tells what lies where. */
async function tidyUp(tab: Tab, belongs: Map<string, string>): Promise<void> {
  const { page } = tab
  await row(tab, FILM).dragTo(row(tab, HOLIDAY))
  await page.getByText('1 item moved', { exact: true }).waitFor()
  await row(tab, FILM).waitFor({ state: 'detached' })
  await enter(tab, HOLIDAY)
  await row(tab, FILM).waitFor()
  await enter(tab, albumOf(0))
  const rename = (from: string, to: string): void => {
    belongs.set(`${HOLIDAY}/${to}`, belongs.get(`${HOLIDAY}/${from}`) ?? '')
    belongs.delete(`${HOLIDAY}/${from}`)
  }
  await row(tab, nameOf(0)).click()
  await page.keyboard.press('F2')
  await page.getByLabel('New name').fill('canary renamed.jpg')
  await page.keyboard.press('Enter')
  // At the end of the list now, which follows it.
  await row(tab, 'canary renamed.jpg').waitFor()
  rename(`${albumOf(0)}/${nameOf(0)}`, `${albumOf(0)}/canary renamed.jpg`)
  await page.getByRole('grid').focus()
  await page.keyboard.press('Home')
  for (const photo of [10, 20]) await row(tab, nameOf(photo)).getByRole('checkbox').check()
  await page.getByText('2 selected').waitFor()
  await page.getByRole('button', { name: 'Move to …' }).click()
  await page.getByRole('treeitem', { name: albumOf(1) }).click()
  await page.getByRole('button', { name: 'Move here' }).click()
  await page.getByText('2 items moved').waitFor()
  for (const photo of [10, 20]) {
    await row(tab, nameOf(photo)).waitFor({ state: 'detached' })
    rename(`${albumOf(0)}/${nameOf(photo)}`, `${albumOf(1)}/${nameOf(photo)}`)
  }
  await row(tab, nameOf(30)).click()
  await page.keyboard.press('Delete')
  await row(tab, nameOf(30)).waitFor({ state: 'detached' })
  await page.getByText('1 item moved to trash').locator('..').getByRole('button', { name: 'Undo' }).click()
  await row(tab, nameOf(30)).waitFor()
  await row(tab, nameOf(40)).click()
  await page.keyboard.press('Delete')
  await row(tab, nameOf(40)).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Trash' }).click()
  await row(tab, nameOf(40)).getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Restore' }).click()
  await page.getByText('The trash is empty').waitFor()
  await goHome(tab)
}

/** Replaces a file and takes the first version back, which is then what is downloaded. */
async function restoreVersion(tab: Tab): Promise<string> {
  const { page } = tab
  const first = Buffer.from('canary letter, the first version')
  await uploadFiles(tab, [{ name: LETTER, bytes: first }])
  const second = { name: LETTER, mimeType: 'text/plain', buffer: Buffer.from('canary letter, the second one') }
  await page.locator('input[type=file]').first().setInputFiles([second])
  await page.getByRole('button', { name: 'Replace' }).click()
  await page.getByText('1 file uploaded').waitFor()
  await closeTransfers(tab)
  await row(tab, LETTER).click({ button: 'right', position: { x: 300, y: 20 } })
  await page.getByRole('menuitem', { name: 'Versions' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
  await page.getByText('That version is the newest one again').waitFor()
  await dismiss(tab)
  await page.getByRole('button', { name: 'Clear selection' }).click()
  return createHash('sha256').update(first).digest('hex')
}

async function digestOfDownload(tab: Tab, name: string): Promise<string> {
  const download = await downloadEntry(tab, name)
  expect(download.suggestedFilename()).toBe(name)
  const digest = await digestOf(await download.path())
  await download.delete()
  await closeTransfers(tab)
  return digest
}

/** Everything in one zip, to disk; in a soak also the film alone. */
async function downloadAll(tab: Tab, belongs: ReadonlyMap<string, string>): Promise<void> {
  const memory = watchMemory()
  const download = await downloadEntry(tab, HOLIDAY)
  expect(download.suggestedFilename()).toBe(`${HOLIDAY}.zip`)
  const saved = await download.path()
  tellMemory('zip', memory.stop())
  const found = await digestsOfZip(saved)
  expect([...found].sort()).toEqual([...belongs].sort())
  await download.delete()
  await closeTransfers(tab)
  if (!SOAK) return
  await enter(tab, HOLIDAY)
  const alone = watchMemory()
  expect(await digestOfDownload(tab, FILM)).toBe(belongs.get(`${HOLIDAY}/${FILM}`))
  tellMemory('download', alone.stop())
  await goHome(tab)
}

async function putFromCommandLine(tab: Tab, login: string): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'strongroom-home-'))
  try {
    const options = { home, server: world.server.url, password: PASSWORD }
    expect((await runCli(['login', login], options)).code).toBe(0)
    const put = await runCli(['put', '-', '/canary from elsewhere.txt'], { ...options, input: WORDS })
    expect(put.code, put.stderr).toBe(0)
    await row(tab, 'canary from elsewhere.txt').waitFor({ timeout: SOON_MS })
  } finally {
    await rm(home, { recursive: true })
  }
}

async function openSecondTab({ context }: Tab): Promise<void> {
  const page = await context.newPage()
  await page.goto(world.server.url)
  await page.getByRole('button', { name: HOLIDAY, exact: true }).waitFor()
  await page.close()
}

async function lookByPhone({ page }: Tab): Promise<void> {
  const before = page.viewportSize()
  await page.setViewportSize(PHONE)
  await page.getByRole('button', { name: 'Menu', exact: true }).click()
  await page.getByRole('link', { name: 'Trash' }).click()
  await page.getByRole('heading', { name: 'Trash', exact: true }).waitFor()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width)
  if (before !== null) await page.setViewportSize(before)
}

/** Signs in where nobody has been, and finds everything. */
async function signInElsewhere(login: string, letter: string): Promise<Tab> {
  const other = await world.openProfile()
  await other.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
  await signIn(other, login, 'a wrong password')
  await other.page.getByText('Login name or password is wrong.').waitFor()
  await signIn(other, login, PASSWORD)
  await row(other, HOLIDAY).waitFor()
  await findByName(other)
  expect(await digestOfDownload(other, LETTER)).toBe(letter)
  return other
}

/** The way back in without the password, which ends all other sessions. */
async function recover(login: string, recoveryKey: string, letter: string): Promise<Tab & { replaced: string }> {
  const other = await world.openProfile()
  const { page } = other
  await page.getByRole('button', { name: 'Forgot your password?' }).click()
  await page.getByLabel('Login name').fill(login)
  await page.getByLabel('Recovery key').fill(recoveryKey)
  await page.getByLabel('New password').fill(NEW_PASSWORD)
  await page.getByLabel('Password again').fill(NEW_PASSWORD)
  await page.getByRole('button', { name: 'Set new password' }).click()
  const replaced = await readRecoveryKey(page)
  await page.getByRole('button', { name: 'I have saved it' }).click()
  await page.getByLabel('Recovery key').fill(replaced)
  await page.getByRole('button', { name: 'Finish' }).click()
  await row(other, HOLIDAY).waitFor()
  expect(await digestOfDownload(other, LETTER)).toBe(letter)
  return { ...other, replaced }
}

/** What the store holds on disk, in pieces that overlap. */
async function* storedPieces(): AsyncGenerator<Haystack> {
  const folder = path.join(world.server.dataDir, 'blobs')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile())) {
    const handle = await open(path.join(entry.parentPath, entry.name))
    const { size } = await handle.stat()
    for (let at = 0; at < size; at += PART) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(PART + 4_096), 0, PART + 4_096, at)
      yield { name: `${entry.name} at ${at}`, bytes: buffer.subarray(0, bytesRead) }
    }
    await handle.close()
  }
}

async function findsNoCanary(tabs: readonly Tab[], login: string, keys: readonly string[]): Promise<void> {
  const sent = tabs.map((tab, index) => ({
    name: `requests of profile ${index + 1}`,
    bytes: Buffer.from(tab.sent.join('\n'), 'latin1'),
  }))
  // Control: bodies were recorded, for those of every profile hold the login name.
  for (const one of sent) expect(findNeedles([textCanary('login name', login)], [one])).not.toEqual([])
  const names = ['canary photo', HOLIDAY, 'canary renamed', 'canary film', 'canary letter', 'canary from elsewhere']
  const secrets = [...names, WORDS, PASSWORD, NEW_PASSWORD, ...keys].map((text) => textCanary(text, text))
  expect(findNeedles(secrets, sent)).toEqual([])
  let stored = 0
  for await (const piece of storedPieces()) {
    expect(findNeedles(secrets, [piece])).toEqual([])
    stored += piece.bytes.length
  }
  // Control: all of it was looked at.
  expect(stored).toBeGreaterThan(FILM_SIZE)
}

// Reason: one test, because a second attempt has to begin with a profile that has seen nothing.
it(`a journey through the web app, with ${PHOTOS} photos and a film of ${FILM_SIZE / MIB} MiB`, {
  timeout: HOUR_MS,
}, async () => {
  attempts += 1
  const login = `canary-login-${attempts}@example.org`
  const belongs = new Map(expected)
  const tab = await world.openProfile()
  const recoveryKey = await signUp(tab, login, PASSWORD)
  await upload(tab)
  await findByName(tab)
  await tidyUp(tab, belongs)
  const letter = await restoreVersion(tab)
  expect(await digestOfDownload(tab, LETTER)).toBe(letter)
  await downloadAll(tab, belongs)
  await putFromCommandLine(tab, login)
  await openSecondTab(tab)
  await lookByPhone(tab)
  const other = await signInElsewhere(login, letter)
  expect(tab.complaints).toEqual([])
  // A refused login is one failed request, which browsers log.
  expect(other.complaints.filter((text) => !text.includes('401'))).toEqual([])
  const recovered = await recover(login, recoveryKey, letter)
  for (const { page } of [tab, other]) {
    await page.getByText('You were signed out. Sign in again.').waitFor()
    expect(await page.getByLabel('Login name').inputValue()).toBe(login)
  }
  expect(recovered.complaints).toEqual([])
  await findsNoCanary([tab, other, recovered], login, [recoveryKey, recovered.replaced])
  for (const { context } of [tab, other, recovered]) await context.close()
})
