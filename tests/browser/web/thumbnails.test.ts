import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../dev-env/database.ts'
import { bytesSource, loginDevice, PASSWORD, type SdkDevice } from '../../e2e/src/sdk/sdk.ts'
import { png } from './png.ts'
import { dismiss, row, signIn, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const SLOT = 'thumbnail'
const LOGIN = 'photographer@example.org'
/** Photos in a folder; with `STRONGROOM_SOAK` as many as a holiday brings. */
const PHOTOS = process.env.STRONGROOM_SOAK === '1' ? 500 : 30

let world: WebWorld
let tab: Tab
let device: SdkDevice
let pool: pg.Pool

/** A picture of one colour, as wide and high as said; `rows` less to lie about it. */
function picture(colour: number, [width, height]: readonly [number, number] = [600, 400], rows = height): Buffer {
  const line = Buffer.alloc(1 + Math.min(width, 4096) * 3)
  for (let at = 1; at < line.length; at += 3) line.writeUIntBE(colour, at, 3)
  return png(width, height, Buffer.concat(Array.from({ length: rows }, () => line)))
}

/** A photo as a phone held upright makes it: lying, red to the left and blue to the right, and its EXIF data say so. */
async function turnedPhoto(): Promise<Buffer> {
  const base64 = await tab.page.evaluate(async () => {
    const canvas = new OffscreenCanvas(400, 200)
    const context = canvas.getContext('2d')
    for (const [left, colour] of [
      [0, '#f00'],
      [200, '#00f'],
    ] as const) {
      if (context === null) continue
      context.fillStyle = colour
      context.fillRect(left, 0, 200, 200)
    }
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer())
    return btoa(String.fromCharCode(...bytes))
  })
  const jpeg = Buffer.from(base64, 'base64')
  const exif = Buffer.from(
    '457869660000' + '4d4d002a00000008' + '0001' + '0112000300000001' + '00060000' + '00000000',
    'hex',
  )
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, exif.length + 2]), exif])
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)])
}

/** A name that no attempt before has used. */
const freshName = (of: string): string => `${of} ${randomBytes(4).toString('hex')}`
const nameOf = (number: number): string => `photo ${String(number).padStart(3, '0')}.png`

beforeAll(async () => {
  world = await startWebWorld()
  tab = await world.openProfile()
  await signUp(tab, LOGIN, PASSWORD)
  device = await loginDevice(world.server.url, LOGIN)
  pool = openDatabase(world.server)
})
afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await pool?.end()
  await world?.[Symbol.asyncDispose]()
})

/** Uploads photos past the web app, into a folder of their own; returns their nodes. */
async function store(folder: string, count: number): Promise<string[]> {
  const { drive } = device.session
  async function* items() {
    for (let number = 1; number <= count; number += 1) {
      const source = bytesSource(picture(number * 30_001))
      yield { path: `${folder}/${nameOf(number)}`, kind: 'file' as const, source, mtimeMs: 1 }
    }
  }
  await drive.putTree(items(), { parents: true })
  return drive.listLocal(folder).map(({ nodeId }) => nodeId)
}

/** How many of these nodes have a thumbnail in the log. */
async function attached(nodeIds: readonly string[]): Promise<number> {
  await device.session.drive.sync()
  return nodeIds.filter((nodeId) => device.session.drive.slots(nodeId)?.sizes.has(SLOT)).length
}

async function blobs(where = 'true'): Promise<number> {
  const { rows } = await pool.query<{ n: string }>(`SELECT count(*) AS n FROM blobs WHERE ${where}`)
  return Number(rows[0]?.n)
}

/** Goes through the open folder to its end, as its user does; returns the names of what showed a thumbnail. */
async function scrollThrough({ page }: Tab, count: number): Promise<Set<string>> {
  const grid = page.getByRole('grid')
  const seen = new Set<string>()
  const look = async (): Promise<boolean> => {
    const shown = await grid.locator('.row, .card-item').evaluateAll((items) =>
      items.flatMap((item) => {
        const image = item.querySelector<HTMLImageElement>('img.thumbnail')
        const isDrawn = image?.complete === true && image.naturalWidth > 0
        return isDrawn ? [item.querySelector('.name')?.textContent ?? ''] : []
      }),
    )
    for (const name of shown) seen.add(name)
    const total = await grid.locator('.row, .card-item').count()
    return shown.length >= total
  }
  for (let at = 0; seen.size < count && at < 200; at += 1) {
    await expect.poll(look, { timeout: 120_000, interval: 200 }).toBe(true)
    await grid.evaluate((element) => element.scrollBy(0, element.clientHeight))
    await page.waitForTimeout(300)
  }
  return seen
}

async function openFolder({ page }: Tab, name: string): Promise<void> {
  await page.goto(world.server.url)
  await row({ page } as Tab, name)
    .getByRole('button', { name, exact: true })
    .click()
  await page.getByRole('grid').locator('.row, .card-item').first().waitFor()
}

async function secondProfile(): Promise<Tab> {
  const opened = await world.openProfile()
  await signIn(opened, LOGIN, PASSWORD)
  await opened.page.getByRole('grid').waitFor()
  return opened
}

describe('thumbnails', () => {
  let holiday = ''
  let photos: string[] = []

  it('of a folder of photos show as it scrolls, and each is made once', async () => {
    holiday = freshName('holiday')
    photos = await store(`/${holiday}`, PHOTOS)
    const before = await blobs()
    await openFolder(tab, holiday)
    expect((await scrollThrough(tab, PHOTOS)).size).toBe(PHOTOS)
    await expect.poll(() => attached(photos), { timeout: 60_000 }).toBe(PHOTOS)
    expect(await blobs()).toBe(before + PHOTOS)
  })

  it('are made by whichever device came first, and by no other', async () => {
    const before = await blobs()
    const second = await secondProfile()
    await openFolder(second, holiday)
    await second.page.getByRole('button', { name: 'Grid' }).click()
    expect((await scrollThrough(second, PHOTOS)).size).toBe(PHOTOS)
    expect(await blobs()).toBe(before)
    expect(second.complaints).toEqual([])
    await second.context.close()
  })

  it('come with an upload, upright, without fetching it; what is no picture, or none to be safe, keeps its icon', async () => {
    const pictures = { 'a turned.jpg': await turnedPhoto(), 'b small.png': picture(0x3366cc, [20, 10]) }
    const others = {
      'c bomb.png': picture(0, [50_000, 50_000], 10),
      'd noise.jpg': Buffer.alloc(9_000, 'noise'),
      'e cut.png': picture(1).subarray(0, 200),
      'f drawing.svg': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    }
    const folder = freshName('uploads')
    const words = bytesSource(Buffer.from('words'))
    await device.session.drive.put(words, `/${folder}/words.txt`, { parents: true })
    await openFolder(tab, folder)
    let fetched = 0
    tab.page.context().on('request', (request) => {
      if (request.method() === 'GET' && request.url().includes('/store/')) fetched += 1
    })
    const all = Object.entries({ ...pictures, ...others })
    await uploadFiles(
      tab,
      all.map(([name, bytes]) => ({ name, bytes })),
    )
    const sizeOf = async (name: string) =>
      await row(tab, name)
        .locator('img.thumbnail')
        .evaluate((image) => [(image as HTMLImageElement).naturalWidth, (image as HTMLImageElement).naturalHeight])
    await expect.poll(() => sizeOf('a turned.jpg'), { timeout: 60_000 }).toEqual([128, 256])
    await expect.poll(() => sizeOf('b small.png'), { timeout: 60_000 }).toEqual([20, 10])
    expect(fetched).toBe(0)
    const nodes = async () => (await device.session.drive.list(`/${folder}`)).map(({ nodeId }) => nodeId)
    await expect.poll(async () => await attached(await nodes()), { timeout: 60_000 }).toBe(2)
    for (const name of Object.keys(others)) expect(await row(tab, name).locator('img').count()).toBe(0)
    expect(tab.complaints).toEqual([])
  })

  it('of two devices that look at once are in the log once each', async () => {
    const before = await blobs(`state = 'live'`)
    const folder = freshName('shared')
    const ids = await store(`/${folder}`, 20)
    const second = await secondProfile()
    await Promise.all([openFolder(tab, folder), openFolder(second, folder)])
    await Promise.all([scrollThrough(tab, 20), scrollThrough(second, 20)])
    await expect.poll(() => attached(ids), { timeout: 60_000 }).toBe(20)
    // Each with its picture, and no more: what the slower device made is nothing's.
    expect(await blobs(`state = 'live'`)).toBe(before + 40)
    expect([...tab.complaints, ...second.complaints]).toEqual([])
    await second.context.close()
  })

  it('that another client made of rubbish are not drawn, and nothing is made in their place', async () => {
    const folder = freshName('rubbish')
    const ids = await store(`/${folder}`, 6)
    const { drive } = device.session
    const bomb = Buffer.concat([picture(0, [60_000, 60_000], 1)])
    const rubbish = [
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=1"/>'),
      bomb,
      Buffer.alloc(40_000),
      Buffer.alloc(0),
      // A JPEG by its head, and noise behind it.
      Buffer.concat([Buffer.from('ffd8ffc0001108001000100301220002110103110100', 'hex'), Buffer.alloc(500, 'noise')]),
    ]
    await drive.attach(
      SLOT,
      rubbish.map((bytes, index) => {
        const nodeId = ids[index] ?? ''
        return { nodeId, versionId: drive.slots(nodeId)?.versionId ?? '', bytes }
      }),
    )
    const before = await blobs()
    await openFolder(tab, folder)
    await row(tab, nameOf(6)).locator('img.thumbnail').waitFor()
    await expect.poll(() => attached(ids), { timeout: 60_000 }).toBe(6)
    await expect.poll(() => tab.page.locator('img.thumbnail').count(), { timeout: 60_000 }).toBe(1)
    expect(await blobs()).toBe(before + 1)
    expect(tab.complaints).toEqual([])
  })

  it('follow a new version, and are fetched for nobody who saves data', async () => {
    const folder = freshName('changed')
    const ids = await store(`/${folder}`, 3)
    const careful = await world.openProfile()
    await careful.context.addInitScript(() => {
      Object.defineProperty(navigator, 'connection', { value: { saveData: true } })
    })
    await careful.page.reload()
    await signIn(careful, LOGIN, PASSWORD)
    await careful.page.getByRole('grid').waitFor()
    await openFolder(careful, folder)
    await careful.page.waitForTimeout(2_000)
    expect(await attached(ids)).toBe(0)
    await openFolder(tab, folder)
    await scrollThrough(tab, 3)
    await expect.poll(() => attached(ids), { timeout: 60_000 }).toBe(3)
    // What others made is shown.
    await expect.poll(() => careful.page.locator('img.thumbnail').count(), { timeout: 60_000 }).toBe(3)
    const first = row(tab, nameOf(1)).locator('img.thumbnail')
    const before = await first.getAttribute('src')
    await device.session.drive.put(bytesSource(picture(7, [100, 300])), `/${folder}/${nameOf(1)}`)
    await expect.poll(() => first.getAttribute('src'), { timeout: 60_000 }).not.toBe(before)
    await expect
      .poll(() => first.evaluate((image) => (image as HTMLImageElement).naturalHeight), { timeout: 60_000 })
      .toBe(256)
    await careful.context.close()
  })
})

/** A green AVIF picture of 16 × 8 pixels. */
const AVIF =
  'AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAAD5bWV0YQAAAAAAAAAvaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAFBpY3R1cmVIYW5kbGVyAAAAAA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAASEAAAAgAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAAGppcHJwAAAAS2lwY28AAAAUaXNwZQAAAAAAAAAQAAAACAAAABBwaXhpAAAAAAMICAgAAAAMYXYxQ4EADAAAAAATY29scm5jbHgAAgACAAIAAAAAF2lwbWEAAAAAAAAAAQABBAECgwQAAAAobWRhdAoJAAAAAZfz/+YBMhMQAMAAAAKAAAAAw1Iu69BzRn+g'

/** A blue BMP picture of 4 × 4 pixels. */
function bmp(): Buffer {
  const head = Buffer.alloc(54)
  head.write('BM', 'latin1')
  for (const [at, value] of [
    [2, 102],
    [10, 54],
    [14, 40],
    [18, 4],
    [22, 4],
    [26, 1 | (24 << 16)],
  ] as const)
    head.writeUInt32LE(value, at)
  return Buffer.concat([head, Buffer.alloc(48, Buffer.of(255, 0, 0))])
}

async function webp(): Promise<Buffer> {
  const base64 = await tab.page.evaluate(async () => {
    const canvas = new OffscreenCanvas(30, 10)
    const context = canvas.getContext('2d')
    if (context !== null) context.fillStyle = '#f00'
    context?.fillRect(0, 0, 30, 10)
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp' })).arrayBuffer())
    return btoa(String.fromCharCode(...bytes))
  })
  return Buffer.from(base64, 'base64')
}

interface Seen {
  readonly size: readonly [number, number]
  /** The colour near the top and near the bottom, as which of red, green and blue is strong. */
  readonly top: string
  readonly bottom: string
}

/** The picture that the preview shows, as its pixels are. */
async function seen(name: string): Promise<Seen> {
  await row(tab, name).getByRole('button', { name, exact: true }).click()
  const picture = tab.page.getByRole('dialog').getByRole('img', { name })
  await picture.waitFor()
  await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
  const found = await picture.evaluate((image: HTMLImageElement): Seen => {
    const { naturalWidth: width, naturalHeight: height } = image
    const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d')
    context?.drawImage(image, 0, 0)
    const colour = (y: number): string => {
      const pixel = [...(context?.getImageData(width / 2, y, 1, 1).data ?? [])]
      return ['red', 'green', 'blue'].filter((_, index) => (pixel[index] ?? 0) > 200).join()
    }
    return { size: [width, height], top: colour(1), bottom: colour(height - 2) }
  })
  await dismiss(tab)
  return found
}

describe('pictures in full', () => {
  it('stand upright and have their colours, in every format that the browser has; for others there is a sentence', async () => {
    const { page } = tab
    const folder = freshName('pictures')
    await device.session.drive.mkdir(`/${folder}`)
    const files = {
      'turned.jpg': await turnedPhoto(),
      'a.webp': await webp(),
      'b.avif': Buffer.from(AVIF, 'base64'),
      'c.bmp': bmp(),
      'd.heic': Buffer.from('\0\0\0\x18ftypheic\0\0\0\0heic', 'latin1'),
      'e.tiff': Buffer.from('II*\0\x08\0\0\0', 'latin1'),
    }
    for (const [name, bytes] of Object.entries(files))
      await device.session.drive.put(bytesSource(bytes), `/${folder}/${name}`)
    await openFolder(tab, folder)
    expect(await seen('turned.jpg')).toEqual({ size: [200, 400], top: 'red', bottom: 'blue' })
    expect(await seen('a.webp')).toEqual({ size: [30, 10], top: 'red', bottom: 'red' })
    expect(await seen('b.avif')).toEqual({ size: [16, 8], top: 'green', bottom: 'green' })
    expect(await seen('c.bmp')).toEqual({ size: [4, 4], top: 'blue', bottom: 'blue' })
    for (const name of ['d.heic', 'e.tiff']) {
      await row(tab, name).getByRole('button', { name, exact: true }).click()
      const dialog = page.getByRole('dialog', { name })
      await dialog.getByText('Files of this kind are not shown here.').waitFor()
      await dialog.locator('.preview-none').getByRole('button', { name: 'Download' }).waitFor()
      await dismiss(tab)
    }
  })
})
