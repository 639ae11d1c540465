import { Strongroom } from '@strongroom/client'
import { blobSink, blobSource, browserPlatform } from '@strongroom/client/browser'
import { bytesFrom } from '../../e2e/src/journeys/seeded-bytes.ts'

export interface JourneyInput {
  login: string
  password: string
  seed: number
  /** Bytes of the file. */
  size: number
}

export interface JourneyResult {
  recoveryKey: string
  /** SHA-256 of what was put, and of what came back on a second sign-in. */
  put: string
  got: string
  listed: { path: string; size: number }[]
  /** From inside the file: 70,000 bytes around the end of its first part, compared in the page. */
  rangeEqual: boolean
  /** Whether the recovery key was right after the password was changed, and what the account had after it was used. */
  tested: boolean
  recovered: string[]
}

const RANGE = { offset: 8 * 1024 * 1024 - 40_000, length: 70_000 }

async function sha256(bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function journey(input: JourneyInput): Promise<JourneyResult> {
  const { login, password, size } = input
  const bytes = bytesFrom(input.seed, size) as Uint8Array<ArrayBuffer> // made over a plain buffer
  const account = { server: location.origin, login, password, deviceName: 'browser' }
  let recoveryKey = ''
  const first = await Strongroom.register({
    ...account,
    platform: browserPlatform(),
    onRecoveryKey: (text) => {
      recoveryKey = text
    },
  })
  await first.drive.mkdir('/from the browser')
  await first.drive.put(blobSource(new Blob([bytes])), '/from the browser/file')
  await first.close()

  const second = await Strongroom.login({ ...account, platform: browserPlatform() })
  const sink = blobSink()
  await second.drive.get('/from the browser/file', sink)
  const listed = await second.drive.list('/', { recursive: true })
  let matched = 0
  for await (const chunk of second.drive.getRange('/from the browser/file', RANGE)) {
    const start = RANGE.offset + matched
    if (chunk.every((byte, index) => byte === bytes[start + index])) matched += chunk.length
  }
  const changed = `${password}, changed`
  await second.changePassword({ current: password, next: changed, kdf: 'pbkdf2-600k' })
  await second.logout()
  await second.close()
  const third = await Strongroom.login({ ...account, password: changed, platform: browserPlatform() })
  const tested = await third.testRecoveryKey(recoveryKey)
  await third.close()
  const { password: newPassword, ...place } = account
  const last = await Strongroom.recover({
    ...place,
    newPassword,
    recoveryKey,
    platform: browserPlatform(),
    onRecoveryKey: () => undefined,
  })
  const recovered = (await last.drive.list('/')).map((entry) => entry.name)
  await last.close()
  return {
    tested,
    recovered,
    recoveryKey,
    put: await sha256(bytes),
    got: await sha256((await sink.blob?.arrayBuffer()) ?? new ArrayBuffer(0)),
    listed: listed.map((entry) => ({ path: entry.path, size: entry.size })),
    rangeEqual: matched === RANGE.length,
  }
}

Object.assign(globalThis, { journey, ready: true })
