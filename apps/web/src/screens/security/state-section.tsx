import { type FormEvent, useState } from 'react'
import { asFailure } from '../../bridge/connect.ts'
import { useAction, useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button, Field } from '../../ui/controls.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

/** The words that people compare between devices. */
export function StateSection() {
  const { value: code } = useFetched((vault) => vault.stateCode())
  const [comparing, setComparing] = useState(false)
  return (
    <Section title={TEXT.security.stateCode} text={TEXT.security.stateText}>
      {code !== null && <p className="state-code">{code}</p>}
      <Button onClick={() => setComparing(true)}>{TEXT.security.compare}</Button>
      {comparing && <Compare onClose={() => setComparing(false)} />}
    </Section>
  )
}

function Compare({ onClose }: { onClose: () => void }) {
  const { vault } = useVault()
  const act = useAction()
  const [typed, setTyped] = useState('')
  const [outcome, setOutcome] = useState<string | null>(null)
  const [error, setError] = useState<string | null>(null)
  const compare = (event: FormEvent): void => {
    event.preventDefault()
    act(async () => {
      try {
        setOutcome(await vault.compareState(typed))
      } catch (cause) {
        if (asFailure(cause).code !== 'usage') throw cause
        setError(TEXT.security.notACode)
      }
    })
  }
  return (
    <Dialog title={TEXT.security.compare} onClose={onClose}>
      <form className="dialog-form" onSubmit={compare}>
        <Field
          className="monospace"
          label={TEXT.security.compareLabel}
          hint={TEXT.security.compareHint}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          value={typed}
          error={error}
          onChange={(event) => {
            setTyped(event.target.value)
            setOutcome(null)
            setError(null)
          }}
        />
        {outcome !== null && (
          <p className={outcome === 'same' ? 'success' : 'notice'} role="status">
            {TEXT.security.compared[outcome]}
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>{TEXT.dialog.close}</Button>
          <Button type="submit" look="primary">
            {TEXT.security.compareIt}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
