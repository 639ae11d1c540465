import { type KeyManagement, KeyManagementError } from '../../ports/index.ts'

export interface KeyServiceLimits {
  /** Calls under way at once. */
  readonly running: number
  /** Calls that wait for their turn; further ones are refused at once. */
  readonly waiting: number
  /** Milliseconds that a call waits for its turn. */
  readonly waitMs: number
}

const LIMITS: KeyServiceLimits = { running: 32, waiting: 500, waitMs: 2_000 }

function busy(): KeyManagementError {
  return new KeyManagementError('unavailable', 'the key service does not keep up')
}

/**
 * A key service that is asked a bounded number of things at once, so that requests do not pile up while it is slow: what
 * cannot be asked soon is refused with `unavailable`.
 */
export function boundedKeys(keys: KeyManagement, limits: KeyServiceLimits = LIMITS): KeyManagement {
  const queue = new Set<{ begin(): void }>()
  let running = 0

  function turn(): Promise<void> {
    if (running < limits.running) {
      running += 1
      return Promise.resolve()
    }
    if (queue.size >= limits.waiting) return Promise.reject(busy())
    return new Promise((resolve, reject) => {
      const waiter = {
        begin: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        queue.delete(waiter)
        reject(busy())
      }, limits.waitMs)
      queue.add(waiter)
    })
  }

  function done(): void {
    const [next] = queue
    if (next === undefined) {
      running -= 1
      return
    }
    // The next one takes the place over.
    queue.delete(next)
    next.begin()
  }

  function bounded<Parameters extends unknown[], Result>(call: (...parameters: Parameters) => Promise<Result>) {
    return async (...parameters: Parameters): Promise<Result> => {
      await turn()
      try {
        return await call(...parameters)
      } finally {
        done()
      }
    }
  }

  return {
    kind: keys.kind,
    currentKeyId: bounded(() => keys.currentKeyId()),
    setCurrentKey: bounded((keyId) => keys.setCurrentKey(keyId)),
    createKey: bounded((name) => keys.createKey(name)),
    keyIdOf: (wrapped) => keys.keyIdOf(wrapped),
    wrap: bounded((keyId, plaintext, context) => keys.wrap(keyId, plaintext, context)),
    unwrap: bounded((wrapped, context) => keys.unwrap(wrapped, context)),
    reEncrypt: bounded((wrapped, context, toKeyId) => keys.reEncrypt(wrapped, context, toKeyId)),
    disable: bounded((keyId) => keys.disable(keyId)),
    enable: bounded((keyId) => keys.enable(keyId)),
    scheduleDestruction: bounded((keyId, days) => keys.scheduleDestruction(keyId, days)),
    rotate: bounded((keyId) => keys.rotate(keyId)),
    keyState: bounded((keyId) => keys.keyState(keyId)),
    // Not bounded: a probe that waits behind requests would say that a busy server is dead.
    check: () => keys.check(),
    close: () => keys.close(),
  }
}
