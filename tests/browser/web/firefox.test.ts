import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../dev-env/cli.ts'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import {
  downloadEntry,
  readRecoveryKey,
  row,
  signIn,
  signUp,
  startWebWorld,
  type Tab,
  uploadFiles,
  type WebWorld,
} from './tab.ts'

const LOGIN = 'fox@example.org'
const PASSWORD = 'a quick brown password'
const SECOND = 'another brown password'
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe.skipIf(isLeftOut('firefox'))('the web app in Firefox', () => {
  let world: WebWorld
  let tab: Tab
  let recoveryKey: string
  const film = randomBytes(20_000_000)

  beforeAll(async () => {
    world = await startWebWorld('firefox')
    tab = await world.openProfile()
  })
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
  })

  it('signs up, and keeps the session where no script finds its token', async () => {
    recoveryKey = await signUp(tab, LOGIN, PASSWORD)
    expect(await tab.page.evaluate(() => document.cookie)).toBe('')
    const cookies = await tab.context.cookies()
    const session = cookies.find(({ name }) => /^__Host-strongroom-[\w-]{43}$/.test(name))
    expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
  })

  it('uploads, goes on over a reload, and downloads what it was given', async () => {
    const { page } = tab
    await uploadFiles(tab, [
      { name: 'small.txt', bytes: Buffer.from('small') },
      { name: 'film.mp4', bytes: film },
    ])
    await page.reload()
    await row(tab, 'film.mp4').waitFor()
    const download = await downloadEntry(tab, 'film.mp4')
    expect(download.suggestedFilename()).toBe('film.mp4')
    expect(digest(await readFile(await download.path()))).toBe(digest(film))
  })

  it('searches, and shows within five seconds what the command line put', async () => {
    await tab.page.getByLabel('Search all files').fill('small')
    await row(tab, 'small.txt').waitFor()
    await row(tab, 'film.mp4').waitFor({ state: 'detached' })
    await tab.page.keyboard.press('Escape')
    const home = await mkdtemp(path.join(tmpdir(), 'strongroom-home-'))
    try {
      const options = { home, server: world.server.url, password: PASSWORD }
      expect((await runCli(['login', LOGIN], options)).code).toBe(0)
      expect((await runCli(['put', '-', '/elsewhere.txt'], { ...options, input: 'x' })).code).toBe(0)
      await row(tab, 'elsewhere.txt').waitFor({ timeout: 20_000 })
    } finally {
      await rm(home, { recursive: true })
    }
  })

  it('needs no password in a second tab, and in a second profile finds everything', async () => {
    const second = await tab.context.newPage()
    await second.goto(world.server.url)
    await row({ ...tab, page: second }, 'elsewhere.txt').waitFor()
    await second.close()
    const other = await world.openProfile()
    await signIn(other, LOGIN, PASSWORD)
    for (const name of ['small.txt', 'film.mp4', 'elsewhere.txt']) await row(other, name).waitFor()
    expect(other.complaints).toEqual([])
    await other.context.close()
  })

  it('recovers with the recovery key, after which the first profile is signed out', async () => {
    const other = await world.openProfile()
    const { page } = other
    await page.getByRole('button', { name: 'Forgot your password?' }).click()
    await page.getByLabel('Login name').fill(LOGIN)
    await page.getByLabel('Recovery key').fill(recoveryKey)
    await page.getByLabel('New password').fill(SECOND)
    await page.getByLabel('Password again').fill(SECOND)
    await page.getByRole('button', { name: 'Set new password' }).click()
    const replaced = await readRecoveryKey(page)
    expect(replaced).not.toBe(recoveryKey)
    await page.getByRole('button', { name: 'I have saved it' }).click()
    await page.getByLabel('Recovery key').fill(replaced)
    await page.getByRole('button', { name: 'Finish' }).click()
    await row(other, 'film.mp4').waitFor()
    expect(other.complaints).toEqual([])
    await other.context.close()
    await tab.page.getByText('You were signed out. Sign in again.').waitFor()
  })

  it('complains of nothing but the request that said so', () => {
    expect(tab.complaints.filter((text) => !/\b401\b/.test(text))).toEqual([])
  })
})
