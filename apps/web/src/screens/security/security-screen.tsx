import { type ReactNode, useId } from 'react'
import { useTitle } from '../../state/title.ts'
import { TEXT } from '../../strings.ts'
import { ActivitySection } from './activity-section.tsx'
import { DeletionSection } from './deletion-section.tsx'
import { DevicesSection } from './devices-section.tsx'
import { KeysSection } from './keys-section.tsx'
import { LeakSection } from './leak-section.tsx'
import { LockSection } from './lock-section.tsx'
import { PasswordSection } from './password-section.tsx'
import { RecoverySection } from './recovery-section.tsx'
import { SecondFactorSection } from './second-factor-section.tsx'
import { StateSection } from './state-section.tsx'

/** Everything about who can open the account, and how its user can tell. */
export function SecurityScreen() {
  useTitle(TEXT.security.title)
  return (
    <div className="settings">
      <div className="screen-head">
        <h1>{TEXT.security.title}</h1>
      </div>
      <Part title={TEXT.security.protects}>
        <ul className="statements">
          {TEXT.security.statements.map(({ title, text }) => (
            <li key={title}>
              <h3>{title}</h3>
              <p>{text}</p>
            </li>
          ))}
        </ul>
      </Part>
      <Part title={TEXT.security.signInPart}>
        <PasswordSection />
        <RecoverySection />
        <SecondFactorSection />
        <DevicesSection />
        <LockSection />
        <LeakSection />
      </Part>
      <Part title={TEXT.security.trustPart}>
        <KeysSection />
        <StateSection />
        <ActivitySection />
      </Part>
      <Part title={TEXT.security.accountPart}>
        <DeletionSection />
      </Part>
    </div>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId()
  return (
    <section className="part" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div className="part-body">{children}</div>
    </section>
  )
}
