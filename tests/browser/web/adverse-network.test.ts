import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Download, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../dev-env/server.ts'
import { bytesSource, collect, freshLogin, loginDevice, PASSWORD } from '../../e2e/src/sdk/sdk.ts'
import { row, signUp, startWebWorld, type Tab, type WebWorld } from './tab.ts'

const SIZE = 48 * 1024 * 1024
/** Longer than a request is tried again before whoever made it is told. */
const OUTAGE_MS = 9_000

const login = freshLogin()
const film = randomBytes(SIZE)
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

let world: WebWorld
let tab: Tab
let disk: string
let again: DevServer | null = null

beforeAll(async () => {
  world = await startWebWorld()
  disk = await mkdtemp(path.join(tmpdir(), 'strongroom-network-'))
  tab = await world.openProfile()
  await signUp(tab, login, PASSWORD)
})
afterAll(async () => {
  await again?.stop()
  await world?.[Symbol.asyncDispose]()
  await rm(disk, { recursive: true })
})

const panel = ({ page }: Tab) => page.getByRole('region', { name: 'Transfers' })
const closePanel = (): Promise<void> => panel(tab).getByRole('button', { name: 'Close' }).click()
const isOfStore = (request: Request, method: 'GET' | 'PUT'): boolean =>
  request.method() === method && request.url().includes('/store/')

/** Resolves once a part was sent. */
function firstPart({ context }: Tab): Promise<unknown> {
  return context.waitForEvent('requestfinished', (request) => isOfStore(request, 'PUT'))
}

/** In a page: holds downloads after their first pieces, however fast they are, until an event `release`. */
function holdDownloads(): void {
  const { prototype } = ServiceWorker
  const post = prototype.postMessage
  const held: (() => void)[] = []
  let isHeld = true
  prototype.postMessage = function (this: ServiceWorker, word: { type: string }, transfer: Transferable[] = []) {
    const [port] = transfer
    if (word.type !== 'stream' || !(port instanceof MessagePort)) return post.call(this, word, { transfer })
    // Stands between the workers, which otherwise talk to each other alone.
    const between = new MessageChannel()
    let pulls = 0
    port.onmessage = ({ data }) => {
      between.port1.postMessage(data, data instanceof Uint8Array ? [data.buffer] : [])
    }
    between.port1.onmessage = ({ data }) => {
      if (data === 'pull') pulls += 1
      if (isHeld && data === 'pull' && pulls > 2) held.push(() => port.postMessage(data))
      else port.postMessage(data)
    }
    post.call(this, word, { transfer: [between.port2] })
  } as typeof post
  const release = (): void => {
    isHeld = false
    for (const send of held) send()
  }
  addEventListener('release', release, { once: true })
}

function releaseDownloads({ page }: Tab): Promise<unknown> {
  return page.evaluate(() => dispatchEvent(new Event('release')))
}

/** A name that no earlier attempt has taken. */
const fresh = (name: string): string => `${name}-${Date.now()}`

/** Uploads the film under a new name, which it returns. */
async function pick(page: Page): Promise<string> {
  const name = fresh('film')
  await writeFile(path.join(disk, name), film)
  await page.locator('input[type=file]').first().setInputFiles(path.join(disk, name))
  return name
}

/** Begins to download an entry as its user does. */
async function beginDownload(page: Page, name: string): Promise<Download> {
  await row(tab, name).getByRole('checkbox').check()
  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download', exact: true }).click()
  await page.getByRole('button', { name: 'Clear selection' }).click()
  return await downloading
}

describe('a network that is lost on the way', () => {
  it('holds an upload, which goes on by itself from where it was', async () => {
    const { page, context } = tab
    const sent: string[] = []
    context.on('requestfinished', (request) => {
      if (isOfStore(request, 'PUT')) sent.push(request.url())
    })
    const begun = firstPart(tab)
    await pick(page)
    await begun
    await context.setOffline(true)
    await panel(tab).getByRole('status').getByText('Waiting for the network').waitFor()
    await panel(tab).getByRole('listitem').getByText('Waiting for the network').waitFor()
    await page.getByText(/^No connection to the server/).waitFor()
    await context.setOffline(false)
    await page.getByText('1 file uploaded').waitFor()
    await page.getByText(/^No connection to the server/).waitFor({ state: 'detached' })
    expect(new Set(sent.map((url) => new URL(url).searchParams.get('blob'))).size).toBe(1)
    expect(new Set(sent.map((url) => new URL(url).searchParams.get('index'))).size).toBe(sent.length)
    await closePanel()
  })
})

describe('a server that is killed on the way', () => {
  it('holds what is uploaded and downloaded, a folder too, and nothing is lost once it is back', async () => {
    const { page } = tab
    const server = again ?? world.server
    await using device = await loginDevice(server.url, login)
    const { drive } = device.session
    const [folder, file] = [fresh('folder'), fresh('file')]
    await drive.put(bytesSource(film), `/${folder}/film`, { parents: true })
    await drive.copy(`/${folder}/film`, `/${file}`)
    await row(tab, file).waitFor()
    await page.evaluate(holdDownloads)
    const folderDownload = await beginDownload(page, folder)
    const fileDownload = await beginDownload(page, file)
    const begun = firstPart(tab)
    const sent = await pick(page)
    await begun
    await server.kill9()
    await releaseDownloads(tab)
    const waiting = [`${folder}.zip`, file, sent].map((name) => `${name}Waiting for the network`)
    await expect.poll(() => panel(tab).getByRole('listitem').allTextContents()).toEqual(waiting)
    await panel(tab).getByRole('status').getByText('Waiting for the network').waitFor()
    await page.waitForTimeout(OUTAGE_MS)
    const port = Number(new URL(server.url).port)
    again = await startDevServer({ dataDir: server.dataDir, port, env: { LOG_LEVEL: 'silent' } })
    await panel(tab).getByRole('status').getByText('1 file uploaded').waitFor()
    expect(digest(await readFile(await fileDownload.path()))).toBe(digest(film))
    expect((await readFile(await folderDownload.path())).includes(film)).toBe(true)
    expect(digest(await collect(drive.getRange(`/${sent}`, { offset: 0 })))).toBe(digest(film))
    await closePanel()
  })
})
