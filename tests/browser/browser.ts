import { type StdioOptions, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { build } from 'esbuild'
import { type Browser, type BrowserContext, chromium, firefox, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS } from '../dev-env/chromium-flags.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

export type BrowserKind = 'chromium' | 'firefox'

/** Program of a browser: what `npm test` found, else what is found now. */
async function browserPath(kind: BrowserKind): Promise<string> {
  const finder = new URL('../../scripts/browser.mjs', import.meta.url).href
  const { findBrowser } = (await import(/* @vite-ignore */ finder)) as {
    findBrowser: (kind: BrowserKind) => Promise<string>
  }
  return findBrowser(kind)
}

/** Settings of a Firefox that reaches nothing but this machine and asks nobody where downloads go. */
const PREFERENCES = {
  'network.dns.disabled': true,
  'network.proxy.type': 0,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'browser.safebrowsing.downloads.enabled': false,
}

/** A browser that reaches nothing but this machine. */
export async function launchBrowser(kind: BrowserKind = 'chromium'): Promise<Browser> {
  const executablePath = await browserPath(kind)
  if (kind === 'chromium') return await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  // Stock Firefox, driven by WebDriver BiDi.
  return await firefox.launch({ channel: 'moz-firefox', executablePath, firefoxUserPrefs: PREFERENCES })
}

/** A Chromium process on a profile that stays when it ends. */
export interface ProfileBrowser {
  readonly context: BrowserContext
  /** SIGKILL; resolves when the process is gone. Repeating it is harmless. */
  kill9(): Promise<void>
}

/** Starts Chromium on a profile; it reaches nothing but this machine. */
export async function launchProfile(folder: string): Promise<ProfileBrowser> {
  const profile = ['--remote-debugging-port=0', `--user-data-dir=${folder}`]
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe']
  const child = spawn(await browserPath('chromium'), [...CHROMIUM_FLAGS, ...profile, 'about:blank'], { stdio })
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  const kill9 = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  try {
    const address = await new Promise<string>((found, fail) => {
      let printed = ''
      child.once('error', fail)
      child.once('exit', () => fail(new Error(`The browser ended: ${printed}`)))
      child.stderr?.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
        const match = /DevTools listening on (ws:\S+)/.exec(printed)
        if (match?.[1] !== undefined) found(match[1])
      })
    })
    const browser = await chromium.connectOverCDP(address)
    const [context] = browser.contexts()
    if (context === undefined) throw new Error('The browser has no profile.')
    return { context, kill9 }
  } catch (error) {
    await kill9()
    throw error
  }
}

/** One script with all it imports, for browsers. */
async function bundle(entry: URL): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'chrome120',
    logLevel: 'error',
  })
  const [file] = result.outputFiles
  if (file === undefined) throw new Error('The bundle is empty.')
  return file.contents
}

export interface PageOptions {
  /** Module that the page runs. */
  entry: URL
  /** Gives further files by their path; null for those that are absent. */
  file?: (path: string) => Promise<string | null>
}

/** A page of one origin: serves its script under a strict policy, and forwards `/v1` to a server. */
export interface TestPage extends AsyncDisposable {
  readonly origin: string
  readonly page: Page
  /** What went wrong in the page: errors, refused requests, violations of the policy. */
  readonly complaints: string[]
  forwardTo(server: string): void
  /** Opens the page anew. */
  open(): Promise<void>
}

/** Starts a browser with a fresh profile and a page, not opened yet. */
export async function startTestPage(options: PageOptions): Promise<TestPage> {
  const script = await bundle(options.entry)
  let target: string | null = null
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '/').split('?')[0] ?? '/'
    if (path.startsWith('/v1/') && target !== null) forward(target, incoming, outgoing)
    else void serveFile(path, script, options.file, outgoing)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The page has no port.')
  const origin = `http://127.0.0.1:${address.port}`
  let browser: Browser | undefined
  const close = async (): Promise<void> => {
    await browser?.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  try {
    browser = await launchBrowser()
    const context = await browser.newContext()
    const page = await context.newPage()
    const complaints = watch(page, origin)
    return {
      origin,
      page,
      complaints,
      forwardTo: (url) => {
        target = url
      },
      open: async () => {
        await page.goto(origin)
        await page.waitForFunction('globalThis.ready === true', undefined, { timeout: 20_000 })
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What goes wrong in a page from now on: errors, refused requests, violations of its policy, other origins. */
export function watch(page: Page, origin: string): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('request', (sent) => {
    const url = sent.url()
    if (!url.startsWith(`${origin}/`) && !/^(blob|data):/.test(url)) complaints.push(`asked another origin: ${url}`)
  })
  return complaints
}

async function serveFile(
  path: string,
  script: Uint8Array,
  file: PageOptions['file'],
  outgoing: ServerResponse,
): Promise<void> {
  const headers = {
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  const send = (type: string, body: Uint8Array | string): void => {
    outgoing.writeHead(200, { ...headers, 'content-type': `${type}; charset=utf-8` }).end(body)
  }
  if (path === '/page.js') return send('text/javascript', script)
  if (path === '/') {
    const head = '<!doctype html><title>test</title><link rel="icon" href="data:,">'
    return send('text/html', `${head}<script type="module" src="/page.js"></script>`)
  }
  const text = (await file?.(path)) ?? null
  if (text === null) outgoing.writeHead(404, headers).end()
  else send('text/plain', text)
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const upstream = request(
    `${target}${incoming.url ?? '/'}`,
    { method: incoming.method, headers: incoming.headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    },
  )
  upstream.once('error', () => outgoing.destroy())
  outgoing.once('close', () => upstream.destroy())
  incoming.pipe(upstream)
}
