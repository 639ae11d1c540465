import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findNeedles, type Haystack, textCanary } from '../../adversary/src/harness/needles.ts'
import { runCli } from '../../dev-env/cli.ts'
import {
  downloadEntry,
  PHONE,
  row,
  signIn,
  signUp,
  startWebWorld,
  type Tab,
  uploadFiles,
  type WebWorld,
} from './tab.ts'

const LOGIN = 'canary-login@example.org'
const PASSWORD = 'canary password of four words'
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

let world: WebWorld
let first: Tab
let recoveryKey: string
const film = randomBytes(9_000_000)

beforeAll(async () => {
  world = await startWebWorld()
  first = await world.openProfile()
  recoveryKey = await signUp(first, LOGIN, PASSWORD)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

describe('the web app', () => {
  it('uploads files, and downloads one as it was', async () => {
    const small = Array.from({ length: 12 }, (_, index) => ({
      name: `canary photo ${index}.jpg`,
      bytes: randomBytes(10_000 + index * 70_000),
    }))
    await uploadFiles(first, [...small, { name: 'canary film.mp4', bytes: film }])
    const download = await downloadEntry(first, 'canary film.mp4')
    expect(download.suggestedFilename()).toBe('canary film.mp4')
    expect(digest(await readFile(await download.path()))).toBe(digest(film))
  })

  it('makes folders, moves, renames, trashes and undoes', async () => {
    const { page } = first
    await page.keyboard.press('n')
    await page.getByLabel('Folder name').fill('canary folder')
    await page.getByRole('button', { name: 'Create' }).click()
    await row(first, 'canary folder').waitFor()
    await row(first, 'canary photo 2.jpg').getByRole('checkbox').check()
    await row(first, 'canary photo 3.jpg').getByRole('checkbox').check()
    await page.getByRole('button', { name: 'Move to …' }).click()
    await page.getByRole('treeitem', { name: 'canary folder' }).click()
    await page.getByRole('button', { name: 'Move here' }).click()
    await page.getByText('2 items moved').waitFor()
    await row(first, 'canary photo 2.jpg').waitFor({ state: 'detached' })
    await row(first, 'canary photo 4.jpg').getByRole('checkbox').check()
    await page.getByRole('button', { name: 'Clear selection' }).click()
    await row(first, 'canary photo 4.jpg').click()
    await page.keyboard.press('F2')
    await page.getByLabel('New name').fill('canary renamed.jpg')
    await page.keyboard.press('Enter')
    await row(first, 'canary renamed.jpg').waitFor()
    await row(first, 'canary renamed.jpg').getByRole('checkbox').check()
    await page.getByRole('button', { name: 'Move to trash' }).click()
    await row(first, 'canary renamed.jpg').waitFor({ state: 'detached' })
    await page.getByText('1 item moved to trash').locator('..').getByRole('button', { name: 'Undo' }).click()
    await row(first, 'canary renamed.jpg').waitFor()
  })

  it('finds names all over the vault, as they are typed', async () => {
    await first.page.getByLabel('Search all files').fill('photo 3')
    await first.page.getByText('1 result for “photo 3”').waitFor()
    await row(first, 'canary photo 3.jpg').waitFor()
    await first.page.keyboard.press('Escape')
    await row(first, 'canary folder').waitFor()
  })

  it('shows within seconds what the command line put', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'strongroom-home-'))
    try {
      const options = { home, server: world.server.url, password: PASSWORD }
      expect((await runCli(['login', LOGIN], options)).code).toBe(0)
      const put = await runCli(['put', '-', '/canary from elsewhere.txt'], { ...options, input: 'canary content' })
      expect(put.code).toBe(0)
      await row(first, 'canary from elsewhere.txt').waitFor({ timeout: 20_000 })
    } finally {
      await rm(home, { recursive: true })
    }
  })

  it('stays signed in over a reload, and in a tab of its own asks again', async () => {
    await first.page.reload()
    await row(first, 'canary folder').waitFor()
    const other = await world.openProfile()
    await other.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await signIn(other, LOGIN, 'a wrong password')
    await other.page.getByText('Login name or password is wrong.').waitFor()
    await signIn(other, LOGIN, PASSWORD)
    await row(other, 'canary folder').waitFor()
    // A refused login is one failed request, which browsers log.
    expect(other.complaints.filter((text) => !text.includes('401'))).toEqual([])
    await other.context.close()
  })

  it('works at the width of a phone', async () => {
    const { page } = first
    await page.setViewportSize(PHONE)
    await page.getByRole('button', { name: 'Menu', exact: true }).click()
    await page.getByRole('link', { name: 'Trash' }).click()
    await page.getByRole('heading', { name: 'Trash', exact: true }).waitFor()
    const widest = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(widest).toBeLessThanOrEqual(PHONE.width)
  })

  it('sends no name, password, key or content in any encoding, and complains of nothing', async () => {
    expect(first.complaints).toEqual([])
    const sent = { name: 'requests', bytes: Buffer.from(first.sent.join('\n'), 'latin1') }
    const stored = await storedFiles(path.join(world.server.dataDir, 'blobs'))
    // Controls: bodies were recorded, for they hold the login name; the film was stored, for there are that many bytes.
    expect(findNeedles([textCanary('login name', LOGIN)], [sent])).not.toEqual([])
    expect(stored.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeGreaterThan(film.length)
    const names = ['canary photo', 'canary folder', 'canary renamed', 'canary film', 'canary from elsewhere']
    const secrets = [
      ...[...names, PASSWORD, recoveryKey].map((text) => textCanary(text, text)),
      { name: 'content', bytes: film.subarray(1_000_000, 1_000_032) },
    ]
    expect(findNeedles(secrets, [sent, ...stored])).toEqual([])
  })
})

/** Everything that the store holds on disk. */
async function storedFiles(folder: string): Promise<Haystack[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  return await Promise.all(files.map(async (name) => ({ name, bytes: await readFile(name) })))
}
