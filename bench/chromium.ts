import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { CHROMIUM_FLAGS } from '../tests/dev-env/chromium-flags.ts'

const FLAGS = [...CHROMIUM_FLAGS, '--remote-debugging-pipe', '--window-size=1440,900']

type Fields = Readonly<Record<string, unknown>>

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Fields
  readonly result?: Fields
  readonly error?: { readonly message: string }
}

/**
 * A Chromium with a fresh profile and one tab, told what to do through the pipe of its DevTools.
 *
 * Reason: what drives browsers in tests watches the network of every page and worker, and transfers are several times slower.
 */
export interface Chromium extends AsyncDisposable {
  readonly pid: number
  /** Where downloads go. */
  readonly downloads: string
  open(url: string): Promise<void>
  /** Runs a function in the page, which sees nothing but what it is given, and waits for its promise. */
  run<Given extends unknown[], Result>(act: (...given: Given) => Result, ...given: Given): Promise<Awaited<Result>>
  /** Types into whatever has the focus. */
  type(text: string): Promise<void>
  /** As if these files were picked. */
  pick(selector: string, paths: readonly string[]): Promise<void>
  /** The next download, once it is on the disk: its path. */
  downloaded(): Promise<string>
}

export async function startChromium(program: string): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'strongroom-chromium-'))
  const downloads = join(profile, 'downloads')
  await mkdir(downloads)
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  // Reason for the casts: these two are pipes, by the line above.
  const pipe = openPipe(child.stdio[3] as Writable, child.stdio[4] as Readable)
  const close = async (): Promise<void> => {
    await Promise.race([pipe.send('Browser.close', {}).catch(() => undefined), ended])
    await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  try {
    await pipe.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: downloads,
      eventsEnabled: true,
    })
    const { targetInfos } = await pipe.send('Target.getTargets', {})
    const tab = (targetInfos as { type: string; targetId: string }[]).find(({ type }) => type === 'page')
    const { sessionId } = await pipe.send('Target.attachToTarget', { targetId: tab?.targetId, flatten: true })
    const send = (method: string, params: Fields) => pipe.send(method, params, sessionId as string)
    const evaluate = async (expression: string, returnByValue: boolean): Promise<Fields> => {
      const given = { expression, returnByValue, awaitPromise: true, userGesture: true }
      const { result, exceptionDetails } = await send('Runtime.evaluate', given)
      if (exceptionDetails !== undefined) throw new Error(`The page failed: ${JSON.stringify(exceptionDetails)}`)
      return result as Fields
    }
    await send('Page.enable', {})
    return {
      pid: child.pid ?? 0,
      downloads,
      async open(url) {
        const loaded = pipe.next('Page.loadEventFired', () => true)
        await send('Page.navigate', { url })
        await loaded
      },
      async run(act, ...given) {
        // Reason for `__name`: what runs these scripts from their sources wraps inner functions in it.
        const { value } = await evaluate(`((__name) => (${act})(...${JSON.stringify(given)}))((each) => each)`, true)
        // Reason for the cast: it is what the function returns.
        return value as never
      },
      async type(text) {
        await send('Input.insertText', { text })
      },
      async pick(selector, paths) {
        const { objectId } = await evaluate(`document.querySelector(${JSON.stringify(selector)})`, false)
        await send('DOM.setFileInputFiles', { files: paths, objectId })
      },
      async downloaded() {
        const { guid, suggestedFilename } = await pipe.next('Browser.downloadWillBegin', () => true)
        const isOver = (event: Fields): boolean => event.guid === guid && event.state !== 'inProgress'
        const { state, filePath } = await pipe.next('Browser.downloadProgress', isOver)
        if (state !== 'completed') throw new Error(`A download was ${state}.`)
        return typeof filePath === 'string' ? filePath : join(downloads, String(suggestedFilename))
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    child.kill('SIGKILL')
    await close()
    throw error
  }
}

interface Pipe {
  send(method: string, params: Fields, sessionId?: string): Promise<Fields>
  /** The next event of this kind that the caller wants. */
  next(method: string, wants: (params: Fields) => boolean): Promise<Fields>
}

/** Messages are JSON, each with a zero byte behind it. */
function openPipe(input: Writable, output: Readable): Pipe {
  const calls = new Map<number, { done: (result: Fields) => void; fail: (error: Error) => void }>()
  const waiting = new Set<(method: string, params: Fields) => void>()
  let last = 0
  let rest = ''
  const take = ({ id, method, params, result, error }: Message): void => {
    if (method !== undefined) for (const each of [...waiting]) each(method, params ?? {})
    const call = id === undefined ? undefined : calls.get(id)
    if (id === undefined || call === undefined) return
    calls.delete(id)
    if (error === undefined) call.done(result ?? {})
    else call.fail(new Error(`Chromium refused: ${error.message}`))
  }
  output.setEncoding('utf8')
  output.on('data', (chunk: string) => {
    const messages = (rest + chunk).split('\0')
    rest = messages.pop() ?? ''
    // Reason for the cast: this is the protocol.
    for (const message of messages) take(JSON.parse(message) as Message)
  })
  output.once('close', () => {
    for (const { fail } of calls.values()) fail(new Error('Chromium has ended.'))
    calls.clear()
  })
  input.on('error', () => undefined)
  return {
    send: (method, params, sessionId) =>
      new Promise((done, fail) => {
        last += 1
        calls.set(last, { done, fail })
        input.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`)
      }),
    next: (method, wants) =>
      new Promise((done) => {
        const look = (name: string, params: Fields): void => {
          if (name !== method || !wants(params)) return
          waiting.delete(look)
          done(params)
        }
        waiting.add(look)
      }),
  }
}
