import { ClientError } from '@strongroom/client'
import { loadFailure } from '../bridge/load.ts'
import { isPartMissing } from './inner-workers.ts'
import type { VaultFailure } from './vault-api.ts'

/** What crosses to the tab instead of an error: its code and facts, never its text. */
export function failureOf(error: unknown): VaultFailure {
  if (error instanceof ClientError) {
    const answer = codeOf(error.cause)
    return { code: error.code, details: { ...(answer === null ? {} : { answer }), ...error.details } }
  }
  return { code: 'internal', details: {} }
}

/** The same, and why a part of the app could not be loaded where that was the cause. */
export async function explain(error: unknown): Promise<VaultFailure> {
  const isLost = error instanceof ClientError && error.details.reason === 'worker_ended'
  return isLost && isPartMissing() ? await loadFailure() : failureOf(error)
}

/** Makes every method reject with a {@link VaultFailure}. */
export function withFailures<T extends object>(service: T): T {
  return new Proxy(service, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        try {
          return await Reflect.apply(member, target, args)
        } catch (error) {
          throw await explain(error)
        }
      }
    },
  })
}

/** The code of what the server answered, where that was the cause. */
function codeOf(cause: unknown): string | null {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return null
  return typeof cause.code === 'string' ? cause.code : null
}
