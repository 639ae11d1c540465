import { LOCK_CHOICES, lockAfter, setLockAfter } from '../../state/lock.ts'
import { useObservable } from '../../state/observable.ts'
import { TEXT } from '../../strings.ts'
import { Section } from './section.tsx'

export function LockSection() {
  const chosen = useObservable(lockAfter)
  return (
    <Section title={TEXT.security.lock} text={TEXT.security.lockText}>
      <fieldset className="choices">
        <legend className="visually-hidden">{TEXT.security.lock}</legend>
        {LOCK_CHOICES.map((choice) => (
          <label key={choice}>
            <input type="radio" name="lock" checked={chosen === choice} onChange={() => setLockAfter(choice)} />
            {TEXT.security.lockChoices[choice]}
          </label>
        ))}
      </fieldset>
    </Section>
  )
}
