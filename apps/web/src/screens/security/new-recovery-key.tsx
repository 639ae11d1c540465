import * as Comlink from 'comlink'
import { useState } from 'react'
import { useQuestion } from '../../state/questions.ts'
import { showToast } from '../../state/toasts.ts'
import { explainWithPassword, useSubmit } from '../../state/use-submit.ts'
import { useVault } from '../../state/vault.tsx'
import type { ShowRecoveryKey } from '../../worker/vault-api.ts'
import { CeremonyDialog } from './ceremony-dialog.tsx'
import { PasswordDialog } from './password-dialog.tsx'

interface NewRecoveryKeyProps {
  readonly title: string
  readonly text?: string
  /** Told when it is done. */
  readonly done: string
  /** Changes nothing before the new recovery key is kept. */
  readonly change: (password: string, onRecoveryKey: ShowRecoveryKey) => Promise<void>
  readonly onClose: () => void
}

/** A change that wants the password and makes a new recovery key. */
export function NewRecoveryKey({ title, text, done, change, onClose }: NewRecoveryKeyProps) {
  const { touch } = useVault()
  const [password, setPassword] = useState('')
  const ceremony = useQuestion<string, void>()
  const run = async (): Promise<void> => {
    await change(password, Comlink.proxy(ceremony.ask))
    showToast(done)
    touch()
    onClose()
  }
  const { busy, error, submit } = useSubmit(run, { explain: explainWithPassword, onFailure: ceremony.drop })
  if (ceremony.question !== null) return <CeremonyDialog question={ceremony.question} onClose={onClose} />
  return (
    <PasswordDialog {...{ title, text, busy, error, password, onClose }} onPassword={setPassword} onSubmit={submit} />
  )
}
