import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { png } from './png.ts'
import { dismiss, row, signUp, startWebWorld, type Tab, type UploadedFile, uploadFiles, type WebWorld } from './tab.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
const PASSWORD = 'a shown password of words'

/** Script that would be noticed: it names the page, asks for an address of the server's, and throws. */
const SCRIPT = 'document.title="owned";fetch("/v1/info?owned");throw new Error("owned")'

let world: WebWorld
let tab: Tab

/** A minute and more of noise, in one piece. */
function wav(bytes: number): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(bytes + 36, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(2, 22)
  head.writeUInt32LE(48_000, 24)
  head.writeUInt32LE(192_000, 28)
  head.writeUInt16LE(4, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(bytes, 40)
  return Buffer.concat([head, Buffer.alloc(bytes, randomBytes(65_536))])
}

const PICTURE = png(2, 1, Buffer.from([0, 255, 0, 0, 0, 0, 255]))
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload='${SCRIPT}'><script>${SCRIPT}</script><image href="/v1/info?owned"/><foreignObject><iframe src="javascript:${SCRIPT}"/></foreignObject></svg>`
const HTML = `<!doctype html><script>${SCRIPT}</script><img src=x onerror='${SCRIPT}'>`

const FILES: readonly UploadedFile[] = [
  { name: 'a picture.png', bytes: PICTURE },
  { name: 'b bomb.png', bytes: png(50_000, 50_000, Buffer.alloc(1_000_000)) },
  { name: 'c script.svg', bytes: Buffer.from(SVG) },
  { name: 'd page.html', bytes: Buffer.from(HTML) },
  { name: 'e page as picture.png', bytes: Buffer.from(HTML) },
  { name: 'f picture and page.png', bytes: Buffer.concat([PICTURE, Buffer.from(HTML)]) },
  { name: 'g page as film.mp4', bytes: Buffer.from(HTML) },
  { name: 'h script.txt', bytes: Buffer.from(`${'<script>'}${SCRIPT}</script>\n${'x'.repeat(700_000)}`) },
  { name: 'i binary.txt', bytes: randomBytes(5_000) },
  { name: 'j script.pdf', bytes: Buffer.from(`%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(${SCRIPT})>>>>endobj`) },
  { name: 'k <img src=x onerror=alert(1)>.png', bytes: PICTURE },
  { name: 'l \u202egnp.exe', bytes: randomBytes(100) },
  { name: 'm.constructor', bytes: randomBytes(100) },
]

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
  await signUp(tab, 'shown@example.org', PASSWORD)
  await uploadFiles(tab, FILES)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function show(name: string) {
  await row(tab, name).getByRole('button', { name, exact: true }).click()
  return tab.page.getByRole('dialog', { name, exact: true })
}

async function close(): Promise<void> {
  await tab.page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
  await tab.page.getByRole('dialog').waitFor({ state: 'detached' })
}

describe('a preview', () => {
  it('shows pictures and texts, and goes on with the arrow keys', async () => {
    const { page } = tab
    const picture = (await show('a picture.png')).getByRole('img', { name: 'a picture.png' })
    await picture.waitFor()
    await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(2)
    await page.keyboard.press('ArrowRight')
    await page.getByText('This picture is too large to be shown here safely.').waitFor()
    await page.keyboard.press('ArrowLeft')
    await picture.waitFor()
    await dismiss(tab)
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const text = await show('h script.txt')
    await text.getByText('This is the beginning').waitFor()
    expect((await text.locator('pre').textContent())?.length).toBe(512 * 1024)
    await close()
  })

  // Reason for the soak: `hostile.test.ts` goes through more of them.
  it.runIf(SOAK)('runs nothing of what hostile files hold, and says what cannot be shown', async () => {
    const notes: Readonly<Record<string, string>> = {
      'e page as picture.png': 'This is not what its name says',
      'g page as film.mp4': 'This browser cannot play it.',
      'i binary.txt': 'This is not what its name says',
      'l \u202egnp.exe': 'Files of this kind are not shown here.',
      'm.constructor': 'Files of this kind are not shown here.',
    }
    for (const { name } of FILES) {
      // What would turn the name around shows as a mark.
      const dialog = await show(name.replace('\u202e', '\ufffd'))
      const note = notes[name]
      if (note === undefined) await dialog.locator('img, iframe, pre, .preview-none').first().waitFor()
      else await dialog.getByText(note).waitFor()
      await close()
    }
    expect(await tab.page.title()).not.toBe('owned')
    expect(tab.sent.some((text) => text.includes('owned') && text.startsWith('http'))).toBe(false)
  })

  // Reason for the soak: `media.test.ts` shows the same with films.
  it.runIf(SOAK)('plays what is large from where it is wanted, without what lies between', async () => {
    const { page } = tab
    const size = 96 * 1024 * 1024
    const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-web-'))
    await writeFile(path.join(folder, 'z song.wav'), wav(size))
    await page.locator('input[type=file]').first().setInputFiles(path.join(folder, 'z song.wav'))
    await page.getByText('1 file uploaded').waitFor({ timeout: 120_000 })
    await page.getByRole('region', { name: 'Transfers' }).getByRole('button', { name: 'Close' }).click()
    await rm(folder, { recursive: true })
    let fetched = 0
    page.context().on('response', (response) => {
      if (response.request().method() !== 'GET' || !response.url().includes('/store/')) return
      fetched += Number(response.headers()['content-length'] ?? 0)
    })
    const player = (await show('z song.wav')).locator('audio')
    const seconds = () => player.evaluate((element) => (element as HTMLMediaElement).currentTime)
    await expect.poll(seconds, { timeout: 30_000 }).toBeGreaterThan(0)
    await player.evaluate((element) => {
      const audio = element as HTMLMediaElement
      audio.currentTime = audio.duration - 3
    })
    await expect.poll(seconds, { timeout: 30_000 }).toBeGreaterThan(size / 192_000 - 3)
    expect(fetched).toBeGreaterThan(0)
    // Each place that a player asks for costs two parts; how many it asks for is its own affair.
    expect(fetched).toBeLessThan(size * 0.9)
    await close()
  })

  it('gives whoever opens its address otherwise nothing', async () => {
    const { page } = tab
    const answer = await page.evaluate(async () => (await fetch('/media/00000000-0000-0000-0000-000000000000')).status)
    expect(answer).toBe(404)
    // Two refused answers, and a film that is none.
    const expected = /404|media|MEDIA|Failed to load/
    expect(tab.complaints.filter((text) => !expected.test(text))).toEqual([])
  })
})
