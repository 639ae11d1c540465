import { useState } from 'react'
import { formatBytes, formatFullTime } from '../../format.ts'
import { keyRotation, type Rotation, rotateKeys } from '../../state/key-rotation.ts'
import { useObservable } from '../../state/observable.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { ConfirmDialog } from '../../ui/dialogs.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import type { KeyReport } from '../../worker/vault-api.ts'
import { NewRecoveryKey } from './new-recovery-key.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

type Asking = 'account' | 'vault' | 'contents' | null

/** How old the account's keys are, and renewing them. */
export function KeysSection() {
  const { vault, touch } = useVault()
  const { value: keys } = useFetched((from) => from.keyReport())
  const rotation = useObservable(keyRotation)
  const [asking, setAsking] = useState<Asking>(null)
  const close = (): void => setAsking(null)
  const begin = (wanted: Rotation): void => void rotateKeys(vault, wanted).then(touch)
  return (
    <Section title={TEXT.security.keys} text={TEXT.security.keysText}>
      {keys !== null && <KeyAges keys={keys} busy={rotation !== null} onAsk={setAsking} />}
      {rotation !== null && <Progress onGoOn={() => begin(rotation.rotation)} />}
      {asking === 'account' && (
        <NewRecoveryKey
          title={TEXT.security.renewAccount}
          text={TEXT.security.renewAccountText}
          done={TEXT.security.renewedAccount}
          change={(password, onRecoveryKey) => vault.rotateAccountKey(password, onRecoveryKey)}
          onClose={close}
        />
      )}
      {asking === 'vault' && keys !== null && (
        <ConfirmDialog
          title={TEXT.security.renewVault}
          text={TEXT.security.renewVaultText}
          action={TEXT.security.renew}
          look="primary"
          onClose={close}
          onConfirm={() => begin({ kind: 'vault', from: keys.epoch })}
        />
      )}
      {asking === 'contents' && keys !== null && <AskContents keys={keys} onClose={close} onConfirm={begin} />}
    </Section>
  )
}

function KeyAges({ keys, busy, onAsk }: { keys: KeyReport; busy: boolean; onAsk: (asking: Asking) => void }) {
  const age = (timeMs: number | null): string =>
    timeMs === null ? TEXT.security.sinceUnknown : TEXT.security.since(formatFullTime(timeMs))
  const rows = [
    { name: TEXT.security.accountKey, age: age(keys.accountKeyMs), ask: 'account' },
    { name: TEXT.security.vaultKey(keys.epoch), age: age(keys.epochMs), ask: 'vault' },
    {
      name: TEXT.security.contentKeys(keys.total.contents),
      age: TEXT.security.due(keys.due.contents, keys.policyDays),
      ask: 'contents',
    },
  ] as const
  return (
    <ul className="cards">
      {rows.map(({ name, age: since, ask }) => (
        <li key={ask} className="card">
          <div>
            <strong>{name}</strong>
            <p className="field-hint">{since}</p>
          </div>
          <Button
            aria-label={`${TEXT.security.renew}: ${name}`}
            disabled={busy || (ask === 'contents' && keys.total.contents === 0)}
            onClick={() => onAsk(ask)}
          >
            {TEXT.security.renew}
          </Button>
        </li>
      ))}
      <li className="card">
        <div>
          <strong>{TEXT.security.serverKey}</strong>
          <p className="field-hint">
            {TEXT.security.serverKeySays(formatFullTime(keys.server.outerKeyMs))}
            {keys.server.scope === 'per-user' && `, ${TEXT.security.serverKeyOwn}`}
          </p>
        </div>
      </li>
    </ul>
  )
}

interface AskContentsProps {
  readonly keys: KeyReport
  readonly onClose: () => void
  readonly onConfirm: (rotation: Rotation) => void
}

/** What is due, where something is; everything otherwise. */
function AskContents({ keys, onClose, onConfirm }: AskContentsProps) {
  const { contents, bytes } = keys.due.contents > 0 ? keys.due : keys.total
  return (
    <ConfirmDialog
      title={TEXT.security.renewContents}
      text={TEXT.security.renewContentsText(contents, formatBytes(bytes))}
      action={TEXT.security.renewDue(contents)}
      look="primary"
      onClose={onClose}
      onConfirm={() => onConfirm({ kind: 'contents', beforeMs: keys.due.contents > 0 ? null : Date.now() })}
    />
  )
}

function Progress({ onGoOn }: { onGoOn: () => void }) {
  const { vault } = useVault()
  const state = useObservable(keyRotation)
  if (state === null) return null
  const { progress, stopped, rotation } = state
  const label = TEXT.security.renewing[rotation.kind]
  return (
    <div className="rotation">
      <div className="rotation-text">
        <p role="status">{stopped ? TEXT.security.renewStopped : label}</p>
        {progress !== null && <p className="field-hint">{TEXT.security.renewingOf(progress.done, progress.total)}</p>}
      </div>
      <ProgressBar
        value={progress === null || progress.total === 0 ? 0 : progress.done / progress.total}
        label={label}
      />
      {stopped ? (
        <Button onClick={onGoOn}>{TEXT.security.goOn}</Button>
      ) : (
        <Button onClick={() => void vault.stopRotation()}>{TEXT.security.stop}</Button>
      )}
    </div>
  )
}
