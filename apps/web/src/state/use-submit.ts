import { type FormEvent, useState } from 'react'
import { asFailure } from '../bridge/connect.ts'
import { failureText } from '../strings.ts'
import type { VaultFailure } from '../worker/vault-api.ts'

export interface Submit {
  readonly busy: boolean
  /** What to tell of the last attempt. */
  readonly error: string | null
  readonly submit: (event: FormEvent) => Promise<void>
}

interface SubmitOptions {
  /** Told before the first attempt. */
  readonly initial?: string | null
  /** null tells nothing: the user gave up. */
  readonly explain?: (failure: VaultFailure) => string | null
  readonly onFailure?: () => void
}

/**
 * A form that sends once at a time and tells what went wrong. It stays busy after a success, which takes the form away.
 *
 * @param run - false for what is not to be sent yet
 */
export function useSubmit(
  run: () => Promise<unknown>,
  { initial = null, explain = failureText, onFailure }: SubmitOptions = {},
): Submit {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState(initial)
  return {
    busy,
    error,
    async submit(event) {
      event.preventDefault()
      if (busy) return
      setBusy(true)
      setError(null)
      try {
        if ((await run()) === false) setBusy(false)
      } catch (cause) {
        setError(explain(asFailure(cause)))
        setBusy(false)
        onFailure?.()
      }
    },
  }
}

/** Inside a session a login that fails can only mean the password. */
export function explainWithPassword(failure: VaultFailure): string {
  const { answer } = failure.details
  const isLogin = failure.code === 'authentication' && (answer === undefined || answer === 'login_failed')
  return failureText(isLogin ? { ...failure, details: { ...failure.details, reason: 'password_wrong' } } : failure)
}

/** Who gives up a sign-in needs no explanation. */
export function explainSignIn(failure: VaultFailure): string | null {
  return failure.code === 'aborted' ? null : failureText(failure)
}
