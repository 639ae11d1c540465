import type { Session, TransferOptions } from '@strongroom/client'
import type { KeyProgress, KeysApi } from './vault-api.ts'

/** Progress is told so often at most. */
const TELL_MS = 100

/**
 * The keys of the account as the tab sees them.
 *
 * @param changing - runs a change and says that the vault changed
 * @param renewing - runs a change that closes the session, and goes on in another one
 */
export function keysService(
  need: () => Session,
  changing: <T>(change: () => Promise<T>) => Promise<T>,
  renewing: (change: () => Promise<void>) => Promise<void>,
): KeysApi {
  let running: AbortController | null = null
  const rotating = async <T>(
    tell: (progress: KeyProgress) => void,
    rotate: (options: Pick<TransferOptions, 'signal' | 'onProgress'>) => Promise<T>,
  ): Promise<T> => {
    running?.abort()
    const abort = new AbortController()
    running = abort
    try {
      return await changing(() => rotate({ signal: abort.signal, onProgress: sparsely(tell) }))
    } finally {
      if (running === abort) running = null
    }
  }
  return {
    async keyReport() {
      const { accountKeyMs, epoch, epochMs, total, due, policyDays, ages, server } = await need().keys.status()
      const { outerKeyMs, kmsKeyMs, scope } = server
      return { accountKeyMs, epoch, epochMs, total, due, policyDays, ages, server: { outerKeyMs, kmsKeyMs, scope } }
    },
    rotateAccountKey: (password, onRecoveryKey) => renewing(() => need().rotateAccountKey({ password, onRecoveryKey })),
    async leakAnswer() {
      const answer = await need().keys.leakAnswer()
      if (answer === null) return 'none'
      return answer.isAccountDone ? 'account-done' : 'begun'
    },
    async renewAccess({ current, next }, onRecoveryKey) {
      const { isAccountDone } = await need().keys.beginLeakAnswer()
      if (isAccountDone) return
      await renewing(() => need().rotateAccountKey({ password: current, newPassword: next, onRecoveryKey }))
    },
    finishLeakAnswer: () =>
      changing(async () => {
        const { keys } = need()
        const { isIdentityDone } = await keys.beginLeakAnswer()
        if (!isIdentityDone) await keys.startEpoch({ identity: true })
        await keys.rewrap()
        await keys.endLeakAnswer()
      }),
    rotateVaultKey: (from, tell) =>
      rotating(tell, async (options) => {
        const { keys } = need()
        if ((await keys.status(options)).epoch === from) await keys.startEpoch(options)
        const { contents } = await keys.rewrap(options)
        return { contents, failed: 0 }
      }),
    rotateContents: (madeBeforeMs, tell) =>
      rotating(tell, async (options) => {
        const older = madeBeforeMs === null ? {} : { olderThanMs: Math.max(0, Date.now() - madeBeforeMs) }
        const { contents, failures } = await need().keys.rotateContents({ ...options, ...older })
        return { contents, failed: failures.length }
      }),
    async stopRotation() {
      running?.abort()
    },
  }
}

function sparsely(tell: (progress: KeyProgress) => void): NonNullable<TransferOptions['onProgress']> {
  let toldMs = 0
  return (event) => {
    const nowMs = Date.now()
    if (event.type !== 'progress' || nowMs - toldMs < TELL_MS) return
    toldMs = nowMs
    tell({ done: event.files, total: event.totalFiles ?? event.files })
  }
}
