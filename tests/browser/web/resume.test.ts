import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../dev-env/cli.ts'
import { signUp, startWebWorld, type Tab, type WebWorld } from './tab.ts'

const LOGIN = 'patient@example.org'
const PASSWORD = 'a patient password of words'
const SIZE = 96 * 1024 * 1024
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

let world: WebWorld
let tab: Tab
let folder: string
let file: string
const content = randomBytes(SIZE)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-web-'))
  file = path.join(folder, 'long film.mp4')
  await writeFile(file, content)
  world = await startWebWorld()
  tab = await world.openProfile()
  await signUp(tab, LOGIN, PASSWORD)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Puts of parts that reached the server so far. */
function counted(page: Tab['page']): { puts: number } {
  const count = { puts: 0 }
  page.context().on('requestfinished', (request) => {
    if (request.method() === 'PUT' && request.url().includes('/store/')) count.puts += 1
  })
  return count
}

describe('an upload in the browser', () => {
  it('goes on after a reload and a pause, without sending again what arrived', async () => {
    const { page } = tab
    const count = counted(page)
    await page.locator('input[type=file]').first().setInputFiles(file)
    await expect.poll(() => count.puts, { timeout: 60_000 }).toBeGreaterThan(1)
    page.on('dialog', (dialog) => void dialog.accept())
    await page.reload()
    await page.getByText('Uploading 1 file').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('1 upload paused').waitFor()
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('1 file uploaded').waitFor({ timeout: 120_000 })
    const parts = Math.ceil(SIZE / (8 * 1024 * 1024)) + 1
    // Parts under way when the page was reloaded, or paused, are sent once more.
    expect(count.puts).toBeLessThanOrEqual(parts + 10)
    const options = { home: path.join(folder, 'home'), server: world.server.url, password: PASSWORD }
    expect((await runCli(['login', LOGIN], options)).code).toBe(0)
    const got = await runCli(['cat', '/long film.mp4'], options)
    expect(digest(got.stdout)).toBe(digest(content))
  })
})
