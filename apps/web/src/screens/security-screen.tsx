import { Laptop } from 'lucide-react'
import { useEffect, useState } from 'react'
import { formatFullTime } from '../format.ts'
import { useAction, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import type { SessionRow } from '../worker/vault-api.ts'

export function SecurityScreen() {
  const { vault, revision } = useVault()
  const act = useAction()
  const [sessions, setSessions] = useState<readonly SessionRow[]>([])
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    document.title = `${TEXT.security.title} – ${TEXT.product}`
    vault.sessions().then(setSessions, () => undefined)
  }, [vault, revision, asked])
  return (
    <>
      <div className="screen-head">
        <h1>{TEXT.security.title}</h1>
      </div>
      <div className="settings">
        <section>
          <h2>{TEXT.security.devices}</h2>
          <ul className="cards">
            {sessions.map((session) => (
              <li key={session.sessionId} className="card">
                <Laptop size={22} aria-hidden="true" />
                <div>
                  <strong>{session.deviceName ?? TEXT.security.unnamed}</strong>
                  <p className="field-hint">
                    {session.current
                      ? TEXT.security.thisDevice
                      : TEXT.security.lastUsed(formatFullTime(session.usedMs))}
                  </p>
                </div>
                {!session.current && (
                  <Button
                    onClick={() =>
                      act(async () => {
                        await vault.revokeSession(session.sessionId)
                        setAsked(asked + 1)
                      })
                    }
                  >
                    {TEXT.security.signOutThere}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        </section>
        <section>
          <h2>{TEXT.security.protects}</h2>
          <ul className="statements">
            {TEXT.promise.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </section>
      </div>
    </>
  )
}
