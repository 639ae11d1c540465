import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CorsRule } from '../../../packages/server/src/testing/bucket.ts'
import { CliDevice } from '../../dev-env/cli.ts'
import { type TestBucket, useBucket } from '../../dev-env/engines/bucket.ts'
import { freePort } from '../../dev-env/engines/free-port.ts'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import { type DevServer, startDevServer } from '../../dev-env/server.ts'
import { launchBrowser, watch } from '../browser.ts'
import { DESKTOP, downloadEntry, signUp, type Tab, uploadFiles } from './tab.ts'

const BUILD = fileURLToPath(new URL('../../../scripts/build.mjs', import.meta.url))
const DOCUMENT = fileURLToPath(new URL('../../../docs/storage.md', import.meta.url))
const [LOGIN, PASSWORD] = ['bucket@example.org', 'straight into a bucket 58']
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The CORS rules that the documentation says to paste. */
async function documentedRules(origin: string): Promise<CorsRule[]> {
  const text = await readFile(DOCUMENT, 'utf8')
  const rules = [...text.matchAll(/```json\n([\s\S]*?)```/g)]
    .map((match) => JSON.parse(match[1] ?? ''))
    .find(Array.isArray)
  return JSON.parse(JSON.stringify(rules).replaceAll('https://files.example.org', origin)) as CorsRule[]
}

describe.skipIf(isLeftOut('ceph'))('the web app with its files in a bucket', () => {
  let bucket: TestBucket
  let server: DevServer
  let browser: Browser
  let tab: Tab
  const toStore: { url: string; method: string; headers: Record<string, string> }[] = []

  beforeAll(async () => {
    execFileSync(process.execPath, [BUILD, 'web'], { stdio: 'inherit' })
    bucket = await useBucket()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    await bucket.raw.setCors(await documentedRules(url))
    server = await startDevServer({ port, env: { BLOB_URL: bucket.url(), ...bucket.env, LOG_LEVEL: 'silent' } })
    browser = await launchBrowser()
    const context = await browser.newContext({ viewport: DESKTOP, acceptDownloads: true })
    context.setDefaultTimeout(60_000)
    const page = await context.newPage()
    tab = { page, context, complaints: watch(page, server.url), sent: [] }
    context.on('request', (request) => {
      if (!request.url().startsWith(bucket.ceph.endpoint)) return
      toStore.push({ url: request.url(), method: request.method(), headers: request.headers() })
    })
    await page.goto(server.url)
    await signUp(tab, LOGIN, PASSWORD)
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  it('sends and fetches bytes by the rules that the documentation gives, and by its own policy', async () => {
    const files = [
      { name: 'one part.bin', bytes: randomBytes(700_000) },
      { name: 'three parts.bin', bytes: randomBytes(17_000_000) },
    ]
    await uploadFiles(tab, files)
    for (const { name, bytes } of files) {
      const download = await downloadEntry(tab, name)
      expect(digest(await readFile(await download.path())), name).toBe(digest(bytes))
    }
    await using device = await CliDevice.create(server.url, PASSWORD)
    await device.login(LOGIN)
    for (const { name, bytes } of files)
      expect(digest((await device.ok(['cat', `/${name}`])).stdout)).toBe(digest(bytes))
    const own = (text: string) => !text.startsWith(`asked another origin: ${bucket.ceph.endpoint}/`)
    expect(tab.complaints.filter(own)).toEqual([])
  })

  it('sends the bucket nothing that opens anything', async () => {
    const puts = toStore.filter(({ method }) => method === 'PUT')
    expect(puts.length).toBeGreaterThanOrEqual(3)
    expect(toStore.filter(({ method }) => method === 'GET').length).toBeGreaterThanOrEqual(3)
    for (const { headers } of toStore) {
      for (const name of ['cookie', 'authorization', 'referer']) expect(headers[name] ?? '').toBe('')
    }
    const policy = (await fetch(server.url)).headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`connect-src 'self' ${bucket.ceph.endpoint};`)
  })
})
