import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type KeyManagement, KeyManagementError, MOST_WRAPPED_BYTES } from '../../ports/index.ts'
import type { TokenAddress, TokenAnswer, TokenCalls, TokenMethod, TokenRequest } from './pkcs11-protocol.ts'
import { parseWrapped } from './pkcs11-wrapped.ts'

const CALL_MS = 5_000
const CONNECT_MS = 15_000
/** A token that could not be opened is not tried again sooner. */
const RETRY_MS = 500
const FIRST_TRIES = 4
const SWEEP_MS = 60 * 60_000
/** A token may hold a key for every account. */
const LONGEST_SWEEP_MS = 10 * 60_000
const DAY_MS = 24 * 60 * 60 * 1000

export interface Pkcs11Options extends TokenAddress {
  readonly clock: { nowMs(): number }
  /** The program of the process that talks to the HSM; that of the build by default. */
  readonly program?: URL
}

interface Waiter {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A process that talks to the HSM, with what it was asked. */
interface Helper {
  ask(method: TokenMethod, parameters: readonly unknown[], ms: number): Promise<unknown>
  kill(): void
  readonly ended: Promise<void>
}

function gone(): KeyManagementError {
  return new KeyManagementError('unavailable', 'The process that talks to the HSM has ended.')
}

function startHelper(program: URL): Helper {
  const child: ChildProcess = fork(fileURLToPath(program), [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, Waiter>()
  let last = 0
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      for (const waiter of waiting.values()) waiter.reject(gone())
      waiting.clear()
      resolve()
    }
    child.once('error', end)
    child.once('exit', end)
  })
  child.on('message', (message) => {
    // Only the program has the other end of this channel.
    const answer = message as TokenAnswer
    const waiter = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.error === undefined) waiter?.resolve(answer.value)
    else waiter?.reject(new TokenFailure(answer.error))
  })
  return {
    ended,
    kill: () => void child.kill('SIGKILL'),
    ask(method, parameters, ms) {
      last += 1
      const request: TokenRequest = { id: last, method, parameters }
      return new Promise((resolve, reject) => {
        // Reason: nothing but its end frees a process that hangs inside the vendor's library.
        const timer = setTimeout(() => {
          child.kill('SIGKILL')
          reject(new KeyManagementError('unavailable', 'The HSM does not answer.'))
        }, ms)
        waiting.set(request.id, {
          resolve: (value) => {
            clearTimeout(timer)
            resolve(value)
          },
          reject: (error) => {
            clearTimeout(timer)
            reject(error)
          },
        })
        child.send(request, (error) => {
          if (error !== null) waiting.get(request.id)?.reject(gone())
        })
      })
    },
  }
}

class TokenFailure extends KeyManagementError {
  readonly final: boolean

  constructor(error: NonNullable<TokenAnswer['error']>) {
    super(error.code, error.message)
    this.final = error.final
  }
}

/**
 * Opens the keys of a token by PKCS#11, through a process of its own that is started again when it, or the token's
 * session, is lost. A PIN that was refused is not tried again: tokens lock after a few tries.
 *
 * @throws KeyManagementError `unavailable` with one line where the token cannot be opened
 */
export async function openPkcs11(options: Pkcs11Options): Promise<KeyManagement> {
  const { clock, modulePath, token, object, pinFile } = options
  const program = options.program ?? new URL('./pkcs11-process.js', import.meta.url)
  let helper: Promise<Helper> | null = null
  let failure: { error: Error; untilMs: number } | null = null
  let closed = false

  async function connect(): Promise<Helper> {
    const started = startHelper(program)
    try {
      await started.ask('connect', [{ modulePath, token, object, pinFile }], CONNECT_MS)
      return started
    } catch (error) {
      started.kill()
      throw error
    }
  }

  function current(): Promise<Helper> {
    if (closed) return Promise.reject(gone())
    if (helper !== null) return helper
    if (failure !== null && performance.now() < failure.untilMs) return Promise.reject(failure.error)
    const connecting = connect()
    helper = connecting
    const forget = () => {
      if (helper === connecting) helper = null
    }
    connecting.then(
      (ready) => {
        failure = null
        void ready.ended.then(forget)
      },
      (error: Error) => {
        const final = error instanceof TokenFailure && error.final
        failure = { error, untilMs: final ? Number.POSITIVE_INFINITY : performance.now() + RETRY_MS }
        forget()
      },
    )
    return connecting
  }

  async function call<Method extends TokenMethod>(
    method: Method,
    ...parameters: Parameters<TokenCalls[Method]>
  ): Promise<Awaited<ReturnType<TokenCalls[Method]>>> {
    const ready = await current()
    // The process answers with what the interface of its calls says.
    const ms = method === 'sweep' ? LONGEST_SWEEP_MS : CALL_MS
    return (await ready.ask(method, parameters, ms)) as Awaited<ReturnType<TokenCalls[Method]>>
  }

  // Reason: a token that other servers log in to at this moment is now and then not found (seen with SoftHSM).
  async function open(tries: number): Promise<void> {
    try {
      await current()
    } catch (error) {
      if (tries <= 1 || (error instanceof TokenFailure && error.final)) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      await open(tries - 1)
    }
  }

  const now = () => clock.nowMs()
  await open(FIRST_TRIES)
  const sweep = () => void call('sweep', now()).catch(() => undefined)
  const timer = setInterval(sweep, SWEEP_MS)
  timer.unref()
  sweep()
  return {
    kind: 'pkcs11',
    currentKeyId: () => call('currentKeyId'),
    setCurrentKey: (keyId) => call('setCurrentKey', keyId, now()),
    createKey: (name) => call('createKey', name ?? null),
    keyIdOf: (wrapped) => parseWrapped(wrapped).keyId,
    wrap: async (keyId, plaintext, context) => {
      if (plaintext.length > MOST_WRAPPED_BYTES) throw new RangeError(`at most ${MOST_WRAPPED_BYTES} bytes`)
      return call('wrap', keyId, plaintext, context, now())
    },
    unwrap: (wrapped, context) => call('unwrap', wrapped, context, now()),
    reEncrypt: (wrapped, context, toKeyId) => call('reEncrypt', wrapped, context, toKeyId, now()),
    disable: (keyId) => call('setEnabled', keyId, false, now()),
    enable: (keyId) => call('setEnabled', keyId, true, now()),
    scheduleDestruction: async (keyId, days) => {
      if (!Number.isInteger(days) || days < 7 || days > 30) throw new RangeError('days must be 7 … 30')
      const atMs = now() + days * DAY_MS
      await call('scheduleDestruction', keyId, atMs, now())
      return atMs
    },
    rotate: (keyId) => call('rotate', keyId, now()),
    keyState: (keyId) => call('keyState', keyId, now()),
    check: () => call('check'),
    close: async () => {
      closed = true
      clearInterval(timer)
      const running = await helper?.catch(() => null)
      running?.kill()
      await running?.ended
    },
  }
}
