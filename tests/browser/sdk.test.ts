import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../dev-env/cli.ts'
import { disposables } from '../e2e/src/journeys/files.ts'
import { bytesFrom } from '../e2e/src/journeys/seeded-bytes.ts'
import { ServerProcess } from '../e2e/src/journeys/server-process.ts'
import { startTestPage, type TestPage } from './browser.ts'
import type { JourneyInput, JourneyResult } from './pages/sdk-page.ts'

const SIZE = 100 * 1024 * 1024
const input: JourneyInput = { login: 'browser@example.org', password: 'opened in a browser 17', seed: 11, size: SIZE }

describe('the SDK in a browser', () => {
  const stack = disposables()
  let test: TestPage
  let result: JourneyResult

  beforeAll(async () => {
    test = stack.use(await startTestPage({ entry: new URL('./pages/sdk-page.ts', import.meta.url) }))
    const server = stack.use(await ServerProcess.start({ env: { PUBLIC_URL: test.origin } }))
    test.forwardTo(server.url)
    await test.open()
    const call = 'globalThis.journey' // the page's own function, by name
    result = (await test.page.evaluate(`${call}(${JSON.stringify(input)})`)) as JourneyResult
  })

  afterAll(() => stack.dispose())

  it('registers, puts 100 MiB and gets the same bytes on a second sign-in', () => {
    expect(result.put).toBe(createHash('sha256').update(bytesFrom(input.seed, SIZE)).digest('hex'))
    expect(result.got).toBe(result.put)
    expect(result.rangeEqual).toBe(true)
    expect(result.recoveryKey).toMatch(/^([0-9A-Z]{4}[- ]){7}[0-9A-Z]{4}$/)
  })

  it('lists what it put', () => {
    expect(result.listed).toEqual([
      { path: '/from the browser', size: 0 },
      { path: '/from the browser/file', size: SIZE },
    ])
  })

  it('changes the password, under another profile, and lets in who has the recovery key', () => {
    expect({ tested: result.tested, recovered: result.recovered }).toEqual({
      tested: true,
      recovered: ['from the browser'],
    })
  })

  it('breaks no policy of its page and talks to no other origin', () => {
    expect(test.complaints).toEqual([])
  })

  it('stores what the command line reads byte for byte', async () => {
    await using device = await CliDevice.create(test.origin, input.password)
    await device.login(input.login)
    const read = await device.ok(['cat', '/from the browser/file'])
    expect(createHash('sha256').update(read.stdout).digest('hex')).toBe(result.put)
  })
})
