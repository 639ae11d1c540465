import { useState } from 'react'
import type { Question } from '../../state/questions.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { ShowRecoveryKey, TypeRecoveryKey } from '../../ui/recovery-key.tsx'

interface CeremonyProps {
  /** Asks for a recovery key to be kept. */
  readonly question: Question<string, void>
  readonly onClose: () => void
}

/** Shows a new recovery key and wants it typed back; giving up refuses it, and then nothing is changed. */
export function CeremonyDialog({ question, onClose }: CeremonyProps) {
  const { account } = useVault()
  const [saved, setSaved] = useState(false)
  return (
    <Dialog
      title={saved ? TEXT.recovery.typeTitle : TEXT.recovery.title}
      onClose={() => {
        question.refuse()
        onClose()
      }}
    >
      <p>{saved ? TEXT.recovery.typeWhy : TEXT.recovery.why}</p>
      {saved ? (
        <TypeRecoveryKey recoveryKey={question.asked} onBack={() => setSaved(false)} onDone={() => question.answer()} />
      ) : (
        <ShowRecoveryKey login={account.login} recoveryKey={question.asked} onSaved={() => setSaved(true)} />
      )}
    </Dialog>
  )
}
