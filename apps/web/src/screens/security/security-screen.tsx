import { Laptop } from 'lucide-react'
import { useEffect } from 'react'
import { formatFullTime } from '../../format.ts'
import { useAction, useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { DeletionSection } from './deletion-section.tsx'
import { LockSection } from './lock-section.tsx'
import { PasswordSection } from './password-section.tsx'
import { RecoverySection } from './recovery-section.tsx'
import { SecondFactorSection } from './second-factor-section.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

/** Everything about who can open the account. */
export function SecurityScreen() {
  useEffect(() => {
    document.title = `${TEXT.security.title} – ${TEXT.product}`
  }, [])
  return (
    <>
      <div className="screen-head">
        <h1>{TEXT.security.title}</h1>
      </div>
      <div className="settings">
        <PasswordSection />
        <RecoverySection />
        <SecondFactorSection />
        <DevicesSection />
        <LockSection />
        <StateSection />
        <KeysSection />
        <ActivitySection />
        <Section title={TEXT.security.protects}>
          <ul className="statements">
            {TEXT.promise.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Section>
        <DeletionSection />
      </div>
    </>
  )
}

function DevicesSection() {
  const { vault, touch } = useVault()
  const act = useAction()
  const { value: sessions } = useFetched((from) => from.sessions())
  const others = sessions?.filter((session) => !session.current) ?? []
  return (
    <Section title={TEXT.security.devices}>
      <ul className="cards">
        {sessions?.map((session) => (
          <li key={session.sessionId} className="card">
            <Laptop size={22} aria-hidden="true" />
            <div>
              <strong>{session.deviceName ?? TEXT.security.unnamed}</strong>
              <p className="field-hint">
                {session.current ? TEXT.security.thisDevice : TEXT.security.lastUsed(formatFullTime(session.usedMs))}
              </p>
            </div>
            {!session.current && (
              <Button
                onClick={() =>
                  act(async () => {
                    await vault.revokeSession(session.sessionId)
                    touch()
                  })
                }
              >
                {TEXT.security.signOutThere}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <Button
          onClick={() =>
            act(async () => {
              await vault.revokeOtherSessions()
              touch()
            })
          }
        >
          {TEXT.security.signOutOthers}
        </Button>
      )}
    </Section>
  )
}

function StateSection() {
  const { value: code } = useFetched((vault) => vault.stateCode())
  return (
    <Section title={TEXT.security.stateCode} text={TEXT.security.stateText}>
      {code !== null && <p className="state-code">{code}</p>}
    </Section>
  )
}

function KeysSection() {
  const { value: keys } = useFetched((vault) => vault.keyReport())
  if (keys === null) return null
  const age = (timeMs: number | null): string =>
    timeMs === null ? TEXT.security.sinceUnknown : TEXT.security.since(formatFullTime(timeMs))
  return (
    <Section title={TEXT.security.keys}>
      <dl className="facts">
        <div>
          <dt>{TEXT.security.accountKey}</dt>
          <dd>{age(keys.accountKeyMs)}</dd>
        </div>
        <div>
          <dt>{TEXT.security.vaultKey(keys.epoch)}</dt>
          <dd>{age(keys.epochMs)}</dd>
        </div>
        <div>
          <dt>{TEXT.security.contentKeys(keys.contents)}</dt>
          <dd>{TEXT.security.due(keys.due, keys.policyDays)}</dd>
        </div>
      </dl>
    </Section>
  )
}

function ActivitySection() {
  const { value: activity } = useFetched((vault) => vault.activity())
  return (
    <Section title={TEXT.security.activity} text={TEXT.security.activityText}>
      <ol className="activity">
        {activity?.map((row) => (
          <li key={row.seq}>
            <time>{formatFullTime(row.timeMs)}</time>
            <span>
              {TEXT.security.events[row.event] ?? row.event}
              {row.count > 1 && ` · ${TEXT.security.times(row.count)}`}
              {row.deviceName !== null && <span className="field-hint"> · {row.deviceName}</span>}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  )
}
