import { ArrowRight } from 'lucide-react'
import { useState } from 'react'
import { nameOf, parentOf } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, shownName } from '../format.ts'
import { type Collision, isReplaceable, openCollisions } from '../state/collisions.ts'
import { useObservable } from '../state/observable.ts'
import { TEXT } from '../strings.ts'
import type { Conflict } from '../worker/vault-api.ts'
import { Button } from './controls.tsx'
import { Dialog } from './dialog.tsx'
import { FileIcon } from './file-icon.tsx'

/** Asks about each thing whose place is taken, one after the other or all at once. */
export function CollisionQuestions() {
  const open = useObservable(openCollisions)
  if (open === null) return null
  return <Questions collisions={open.collisions} onAnswer={open.answer} />
}

interface QuestionsProps {
  readonly collisions: readonly Collision[]
  readonly onAnswer: (answers: ReadonlyMap<string, Conflict> | null) => void
}

function Questions({ collisions, onAnswer }: QuestionsProps) {
  const [answers, setAnswers] = useState<ReadonlyMap<string, Conflict>>(new Map())
  const [forAll, setForAll] = useState(false)
  const left = collisions.filter(({ arrival }) => !answers.has(arrival.path))
  const [current] = left
  if (current === undefined) return null
  const { arrival, taken } = current
  const choose = (conflict: Conflict) => (): void => {
    const next = new Map(answers)
    for (const one of forAll ? left : [current]) {
      // What cannot be replaced is kept beside, also where the rest is replaced.
      const answer = conflict === 'replace' && !isReplaceable(one) ? 'keep-both' : conflict
      next.set(one.arrival.path, answer)
    }
    if (next.size === collisions.length) onAnswer(next)
    else setAnswers(next)
  }
  const folder = parentOf(arrival.path)
  return (
    <Dialog title={TEXT.collisions.title(isReplaceable(current))} onClose={() => onAnswer(null)}>
      <p>
        {TEXT.collisions.where(folder === '/' ? TEXT.files.root : shownName(nameOf(folder)))}{' '}
        {isReplaceable(current) ? TEXT.collisions.text : TEXT.collisions.textOther}
      </p>
      <div className="collision-name">
        <FileIcon row={{ kind: arrival.kind, name: nameOf(arrival.path) }} size={24} />
        <strong>
          <bdi>{shownName(nameOf(arrival.path))}</bdi>
        </strong>
      </div>
      <div className="collision-sides">
        <Side title={TEXT.collisions.there} {...taken} />
        <ArrowRight size={18} aria-hidden="true" />
        <Side title={TEXT.collisions.arriving} {...arrival} />
      </div>
      {left.length > 1 && (
        <label className="check-line">
          <input type="checkbox" checked={forAll} onChange={(event) => setForAll(event.target.checked)} />
          {TEXT.collisions.forAll(left.length - 1)}
        </label>
      )}
      <div className="dialog-actions">
        <Button onClick={choose('skip')}>{TEXT.collisions.skip}</Button>
        <Button onClick={choose('keep-both')} look={isReplaceable(current) ? 'plain' : 'primary'}>
          {TEXT.collisions.both}
        </Button>
        {isReplaceable(current) && (
          <Button look="primary" onClick={choose('replace')}>
            {TEXT.collisions.replace}
          </Button>
        )}
      </div>
    </Dialog>
  )
}

function Side({ title, kind, size, timeMs }: { title: string; kind: string; size: number; timeMs: number }) {
  return (
    <div>
      <p className="field-hint">{title}</p>
      <p>{timeMs === 0 ? '–' : formatFullTime(timeMs)}</p>
      <p className="field-hint">{kind === 'file' ? formatBytes(size) : TEXT.files.folder}</p>
    </div>
  )
}
