import { CloudOff, Lock, type LucideIcon, OctagonAlert, RefreshCw, UserX } from 'lucide-react'
import { useEffect } from 'react'
import { failureText, TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import { Empty } from '../ui/empty.tsx'
import type { VaultFailure } from '../worker/vault-api.ts'

/** How often a server that was away is asked again. */
const RETRY_MS = 10_000

const ICONS: Readonly<Record<string, LucideIcon>> = {
  network: CloudOff,
  account_disabled: UserX,
  keys_frozen: Lock,
  upgrade_required: RefreshCw,
}

interface HaltProps {
  readonly failure: VaultFailure
  readonly onRetry: () => void
  /** Absent where nobody is signed in. */
  readonly onSignOut?: (() => void) | undefined
}

/** What is shown instead of the drive while it cannot be used. */
export function Halt({ failure, onRetry, onSignOut }: HaltProps) {
  const { code, details } = failure
  useEffect(() => {
    if (code !== 'network') return
    const timer = setInterval(onRetry, RETRY_MS)
    addEventListener('online', onRetry)
    return () => {
      clearInterval(timer)
      removeEventListener('online', onRetry)
    }
  }, [code, onRetry])
  if (code === 'integrity') return <IntegrityStop />
  const kind = String(details.answer ?? code)
  const known = TEXT.halted[kind] ?? TEXT.halted[code]
  return (
    <main className="halt">
      <Empty
        level={1}
        icon={ICONS[kind] ?? ICONS[code] ?? CloudOff}
        title={known?.title ?? TEXT.haltedTitle}
        hint={known?.text ?? failureText(failure)}
      >
        <Button look="primary" onClick={onRetry}>
          {known?.retry ?? TEXT.retry}
        </Button>
        {onSignOut !== undefined && <Button onClick={onSignOut}>{TEXT.nav.signOut}</Button>}
      </Empty>
    </main>
  )
}

function IntegrityStop() {
  return (
    <main className="stop">
      <OctagonAlert size={44} aria-hidden="true" />
      <div className="stop-text" role="alert">
        <h1>{TEXT.integrity.title}</h1>
        <p>{TEXT.integrity.text}</p>
        <p>{TEXT.integrity.todo}</p>
      </div>
      <Button onClick={() => location.reload()}>{TEXT.integrity.reload}</Button>
    </main>
  )
}
