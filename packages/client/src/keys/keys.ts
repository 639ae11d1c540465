import { equalBytes, type Keyring } from '@strongroom/crypto'
import { recordOf } from '@strongroom/vault'
import type { DriveContext } from '../drive/context.ts'
import { daysOperation } from '../drive/settings.ts'
import { accountKeyTime } from './account-key-time.ts'
import { CONTENT_DAYS, contentDays } from './contents.ts'
import type { LazyRotation } from './lazy.ts'
import { beginLeakAnswer, endLeakAnswer, leakAnswer } from './leak.ts'
import { rewrap } from './rewrap.ts'
import { rotateContents } from './rotate-contents.ts'
import { keyStatus } from './status.ts'
import type { Keys } from './types.ts'

export interface KeysContext {
  readonly drive: DriveContext
  readonly keyring: () => Keyring
  readonly lazy: LazyRotation
}

/** The account's keys. */
export function createKeys(context: KeysContext): Keys {
  const { drive, keyring } = context
  const { log } = drive
  return {
    get lazyFailure() {
      return context.lazy.failure
    },
    status: (options) => keyStatus({ drive, keyring, accountKeyMs: () => accountKeyTime(log.state) }, options),
    policy: () => ({ contentDays: contentDays(log.state) }),
    async setPolicy(change, options) {
      const wanted = daysOperation(CONTENT_DAYS, change.contentDays)
      await log.sync(options?.signal)
      await log.commit((state) => {
        if (wanted?.value == null) return null
        const known = recordOf(state, wanted.type, wanted.key)
        return known !== null && equalBytes(known, wanted.value) ? null : { operations: [wanted], contents: [] }
      }, options?.signal)
      await log.flush()
      return { contentDays: contentDays(log.state) }
    },
    async startEpoch(options) {
      const started = await log.startEpoch({ identity: options?.identity ?? false }, options?.signal)
      await log.flush()
      return started
    },
    leakAnswer: (options) => leakAnswer(context, options?.signal),
    beginLeakAnswer: (options) => beginLeakAnswer(context, options?.signal),
    endLeakAnswer: (options) => endLeakAnswer(context, options?.signal),
    rewrap: (options) => rewrap(drive, options),
    rotateContents: (options) => rotateContents(drive, options),
  }
}
