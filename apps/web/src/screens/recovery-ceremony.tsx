import { useState } from 'react'
import { TEXT } from '../strings.ts'
import { ShowRecoveryKey, TypeRecoveryKey } from '../ui/recovery-key.tsx'
import { AuthLayout } from './auth-layout.tsx'

interface CeremonyProps {
  readonly login: string
  readonly recoveryKey: string
  readonly onDone: () => void
}

/** Shows the recovery key once and wants it typed back. */
export function RecoveryCeremony({ login, recoveryKey, onDone }: CeremonyProps) {
  const [step, setStep] = useState<'show' | 'type'>('show')
  return step === 'show' ? (
    <AuthLayout title={TEXT.recovery.title} lead={TEXT.recovery.why}>
      <ShowRecoveryKey login={login} recoveryKey={recoveryKey} onSaved={() => setStep('type')} />
    </AuthLayout>
  ) : (
    <AuthLayout title={TEXT.recovery.typeTitle} lead={TEXT.recovery.typeWhy}>
      <TypeRecoveryKey recoveryKey={recoveryKey} onBack={() => setStep('show')} onDone={onDone} />
    </AuthLayout>
  )
}
