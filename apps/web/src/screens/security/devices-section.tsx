import { Laptop, Smartphone, Terminal } from 'lucide-react'
import { formatFullTime } from '../../format.ts'
import { useAction, useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

/** Where the account is signed in, and ending that. */
export function DevicesSection() {
  const { vault, touch } = useVault()
  const act = useAction()
  const { value: sessions } = useFetched((from) => from.sessions())
  const others = sessions?.filter((session) => !session.current) ?? []
  const end = (task: () => Promise<unknown>): void =>
    act(async () => {
      await task()
      touch()
    })
  return (
    <Section title={TEXT.security.devices} text={TEXT.security.devicesText}>
      <ul className="cards">
        {sessions?.map((session) => {
          const Icon = iconOf(session.deviceName)
          return (
            <li key={session.sessionId} className="card">
              <Icon size={22} aria-hidden="true" />
              <div>
                <strong>{session.deviceName ?? TEXT.security.unnamed}</strong>
                <p className="field-hint">
                  {session.current ? TEXT.security.thisDevice : TEXT.security.lastUsed(formatFullTime(session.usedMs))}
                </p>
              </div>
              {!session.current && (
                <Button onClick={() => end(() => vault.revokeSession(session.sessionId))}>
                  {TEXT.security.signOutThere}
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      {others.length > 1 && (
        <Button onClick={() => end(() => vault.revokeOtherSessions())}>{TEXT.security.signOutOthers}</Button>
      )}
    </Section>
  )
}

function iconOf(name: string | null): typeof Laptop {
  if (name === null || /\b(on|im|sur) (Android|iPhone|iPad|iOS)/.test(name)) return Smartphone
  return / on /.test(name) ? Laptop : Terminal
}
