import type { BlobStore, KeyManagement, Meter, ServedObjectStore } from '../../ports/index.ts'

/** For servers without metrics. */
export const NO_METER: Meter = { count: () => undefined, time: () => undefined }

const KEY_CALLS = [
  'currentKeyId',
  'createKey',
  'wrap',
  'unwrap',
  'reEncrypt',
  'scheduleDestruction',
  'keyState',
] as const
const STORE_CALLS = ['putWhole', 'createUpload', 'complete', 'abort', 'stat', 'read', 'delete'] as const

/** The same key service, whose calls are counted and timed. */
export function measuredKeys(keys: KeyManagement, meter: Meter): KeyManagement {
  return measured(keys, KEY_CALLS, (operation, outcome, seconds) => {
    meter.count('kms_calls', { operation, outcome })
    meter.time('kms_call', { operation }, seconds)
  })
}

/** The same store, whose calls are counted and timed; reading until its first byte. */
export function measuredStore<Store extends BlobStore | ServedObjectStore>(store: Store, meter: Meter): Store {
  return measured<Store, (typeof STORE_CALLS)[number]>(store, STORE_CALLS, (operation, outcome, seconds) => {
    meter.count('store_calls', { operation, outcome })
    meter.time('store_call', { operation }, seconds)
  })
}

type Call = (...parameters: unknown[]) => Promise<unknown>

function measured<T extends object, Name extends keyof T & string>(
  target: T,
  names: readonly Name[],
  note: (operation: Name, outcome: string, seconds: number) => void,
): T {
  const calls = names.map((name) => {
    // The names are those of methods that return promises; what they take and give is passed on untouched.
    const call = target[name] as unknown as Call
    const timed: Call = async (...parameters) => {
      const started = performance.now()
      const done = (outcome: string) => note(name, outcome, (performance.now() - started) / 1000)
      try {
        const result = await call.apply(target, parameters)
        done('ok')
        return result
      } catch (error) {
        done(outcomeOf(error))
        throw error
      }
    }
    return [name, timed] as const
  })
  return { ...target, ...Object.fromEntries(calls) }
}

/** The code of a port's own error; others are all one. */
function outcomeOf(error: unknown): string {
  const known = error instanceof Error && (error.name === 'KeyManagementError' || error.name === 'BlobStoreError')
  return known ? String((error as { code?: unknown }).code) : 'error'
}
