import * as Comlink from 'comlink'
import { asFailure, type Vault } from '../bridge/connect.ts'
import { failureText, TEXT } from '../strings.ts'
import type { KeyProgress } from '../worker/vault-api.ts'
import { observable } from './observable.ts'
import { showToast } from './toasts.ts'

/** What is being renewed, in terms that make sense after a reload too. */
export type Rotation =
  | { readonly kind: 'vault'; readonly from: number }
  /** `beforeMs` is null for what is due. */
  | { readonly kind: 'contents'; readonly beforeMs: number | null }

export interface RotationState {
  readonly rotation: Rotation
  readonly progress: KeyProgress | null
  /** Whether it stopped before its end. */
  readonly stopped: boolean
}

/** The rotation of keys that is under way, or was cut off; null when there is none. */
export const keyRotation = observable<RotationState | null>(null)

/** Reason for this storage: a rotation belongs to the session of a tab, and goes on when that is loaded again. */
const KEPT = 'strongroom-rotation'

function keep(rotation: Rotation | null): void {
  if (rotation === null) sessionStorage.removeItem(KEPT)
  else sessionStorage.setItem(KEPT, JSON.stringify(rotation))
}

/** Begins, or goes on with, a rotation; resolves at its end, whatever that is. */
export async function rotateKeys(vault: Vault, rotation: Rotation): Promise<void> {
  const running: RotationState = { rotation, progress: null, stopped: false }
  keep(rotation)
  keyRotation.set(running)
  const tell = Comlink.proxy((progress: KeyProgress) => {
    const now = keyRotation.get()
    if (now !== null && !now.stopped) keyRotation.set({ ...running, progress })
  })
  try {
    const { contents, failed } =
      rotation.kind === 'vault'
        ? await vault.rotateVaultKey(rotation.from, tell)
        : await vault.rotateContents(rotation.beforeMs, tell)
    keep(null)
    keyRotation.set(null)
    showToast(rotation.kind === 'vault' ? TEXT.security.renewedVault : TEXT.security.renewed(contents))
    if (failed > 0) showToast(TEXT.security.renewFailed(failed))
  } catch (error) {
    const failure = asFailure(error)
    if (keyRotation.get() === null) return
    keyRotation.set({ ...running, stopped: true })
    if (failure.code !== 'aborted') showToast(failureText(failure))
  }
}

/** Goes on with what a reload has cut off. */
export function resumeRotation(vault: Vault): void {
  const text = sessionStorage.getItem(KEPT)
  if (text === null || keyRotation.get() !== null) return
  void rotateKeys(vault, JSON.parse(text) as Rotation)
}

/** Forgets it: it belongs to who was signed in. */
export function forgetRotation(): void {
  keep(null)
  keyRotation.set(null)
}
