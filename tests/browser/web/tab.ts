import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Download, Page } from 'playwright-core'
import { type DevServer, startDevServer } from '../../dev-env/server.ts'
import { type BrowserKind, launchBrowser, watch } from '../browser.ts'

const BUILD = fileURLToPath(new URL('../../../scripts/build.mjs', import.meta.url))

export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

/** A server that serves the web app, and a browser. */
export interface WebWorld extends AsyncDisposable {
  readonly server: DevServer
  /** A tab in a fresh browser profile, opened on the app. */
  openProfile(): Promise<Tab>
}

export interface Tab {
  readonly page: Page
  readonly context: BrowserContext
  /** What went wrong so far; a test that ends with any has failed. */
  readonly complaints: string[]
  /** Everything that this profile sent: addresses and bodies of requests. */
  readonly sent: string[]
}

/** @param env - further settings of the server */
export async function startWebWorld(
  kind: BrowserKind = 'chromium',
  env: Readonly<Record<string, string>> = {},
): Promise<WebWorld> {
  execFileSync(process.execPath, [BUILD, 'web'], { stdio: 'inherit' })
  const server = await startDevServer({ env: { LOG_LEVEL: 'silent', ...env } })
  let browser: Browser | undefined
  const close = async (): Promise<void> => {
    await browser?.close()
    await server.stop()
  }
  try {
    const launched = await launchBrowser(kind)
    browser = launched
    return {
      server,
      openProfile: async () => {
        const context = await launched.newContext({ viewport: DESKTOP, acceptDownloads: true })
        if (kind === 'chromium') {
          await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url })
        }
        await context.addInitScript(tellComplaints)
        if (kind === 'firefox') await context.addInitScript(noticeFills)
        context.setDefaultTimeout(60_000)
        const page = await context.newPage()
        const complaints = watch(page, server.url)
        const sent: string[] = []
        context.on('request', (request) => {
          sent.push(
            request.url(),
            JSON.stringify(request.headers()),
            request.postDataBuffer()?.toString('latin1') ?? '',
          )
        })
        await page.goto(server.url)
        return { page, context, complaints, sent }
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** In a page: makes what browsers may keep to themselves an error of the console. */
function tellComplaints(): void {
  addEventListener('securitypolicyviolation', (event) => {
    console.error(`policy ${event.effectiveDirective} refused ${event.blockedURI}`)
  })
  addEventListener('unhandledrejection', (event) => console.error(`unhandled rejection: ${event.reason}`))
}

/**
 * In a page: makes React notice what automation fills in. Stock Firefox is driven without trusted input events, and the
 * values that are set for them look to React as if it had set them itself.
 */
function noticeFills(): void {
  addEventListener(
    'input',
    ({ isTrusted, target }) => {
      if (isTrusted || target === null || !('_valueTracker' in target)) return
      ;(target._valueTracker as { setValue(value: string): void }).setValue('')
    },
    true,
  )
}

/** Signs up with everything that a person does, and returns the recovery key. @param look - at each step of the ceremony */
export async function signUp(
  { page }: Tab,
  login: string,
  password: string,
  look: (name: string) => Promise<void> = async () => undefined,
): Promise<string> {
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByLabel('Login name').fill(login)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByLabel('Password again').fill(password)
  await page.getByRole('button', { name: 'Continue' }).click()
  const recoveryKey = await readRecoveryKey(page)
  await look('recovery-key')
  await page.getByRole('button', { name: 'I have saved it' }).click()
  await look('recovery-key-typed')
  await page.getByLabel('Recovery key').fill(recoveryKey.toLowerCase().replaceAll('-', ' '))
  await page.getByRole('button', { name: 'Finish' }).click()
  await page.getByText('This folder is empty').waitFor()
  return recoveryKey
}

/** The recovery key that is shown. */
export async function readRecoveryKey(page: Page): Promise<string> {
  const groups = page.getByRole('list', { name: 'Recovery key' }).getByRole('listitem')
  await groups.first().waitFor()
  return (await groups.allTextContents()).join('-')
}

export async function signIn({ page }: Tab, login: string, password: string): Promise<void> {
  await page.getByLabel('Login name').fill(login)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

export interface UploadedFile {
  readonly name: string
  readonly bytes: Buffer
}

/** Uploads as if the files were picked, and waits for the end. */
export async function uploadFiles({ page, complaints }: Tab, files: readonly UploadedFile[]): Promise<void> {
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles(files.map(({ name, bytes }) => ({ name, mimeType: 'application/octet-stream', buffer: bytes })))
  const transfers = page.getByRole('region', { name: 'Transfers' })
  await page
    .getByText(files.length === 1 ? '1 file uploaded' : `${files.length} files uploaded`)
    .waitFor()
    .catch(async (cause: unknown) => {
      const said = await transfers.allInnerTexts()
      throw new Error(`The app says ${JSON.stringify(said)}, and its console ${JSON.stringify(complaints)}.`, { cause })
    })
  await transfers.getByRole('button', { name: 'Close' }).click()
}

/** Downloads an entry, which must not be selected, as its user does. */
export async function downloadEntry(tab: Tab, name: string): Promise<Download> {
  const { page } = tab
  const downloading = page.waitForEvent('download')
  await row(tab, name).getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Download', exact: true }).click()
  const download = await downloading
  await page.getByRole('button', { name: 'Clear selection' }).click()
  return download
}

/** The row of an entry. */
export function row({ page }: Tab, name: string) {
  return page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) })
}

/** Leaves what is open over the page, and waits until it has gone: keys mean nothing to the page before. */
export async function dismiss({ page }: Pick<Tab, 'page'>): Promise<void> {
  // Reason for not awaiting it: a frame that has the keys goes with its dialog, and then nothing answers for it. Reason for two
  // steps: what is sent to such a frame, as the end of the key would be, is waited for without an end.
  page.keyboard.down('Escape').catch(() => undefined)
  // A dialog that is closed stays in the page for a moment, and keys that come then are nobody's.
  await page.locator('dialog, [role=menu]').first().waitFor({ state: 'detached' })
  await page.keyboard.up('Escape')
}
