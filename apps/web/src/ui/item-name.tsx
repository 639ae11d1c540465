import { Star } from 'lucide-react'
import type { Row } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { matchesIn } from '../state/search.ts'
import { TEXT } from '../strings.ts'
import { RenameField } from './rename-field.tsx'

interface ItemNameProps {
  readonly row: Row
  readonly highlight: string
  readonly isFavourite: boolean
  readonly isRenaming: boolean
  readonly onOpen: () => void
  readonly onRename: (name: string) => Promise<void>
  readonly onRenamed: () => void
}

/** The name of an entry: opens it, or is edited in place. */
export function ItemName({ row, highlight, isFavourite, isRenaming, onOpen, onRename, onRenamed }: ItemNameProps) {
  if (isRenaming) return <RenameField name={row.name} onName={onRename} onClose={onRenamed} />
  return (
    <>
      <button
        type="button"
        tabIndex={-1}
        className="name"
        onClick={(event) => {
          if (event.shiftKey || event.ctrlKey || event.metaKey) return
          event.stopPropagation()
          onOpen()
        }}
        onDoubleClick={(event) => event.stopPropagation()}
      >
        {/* First-strong isolation: a name's direction marks turn nothing but the name itself. */}
        <bdi>
          <Highlighted text={shownName(row.name)} wanted={highlight} />
        </bdi>
      </button>
      {isFavourite && (
        <span className="star" role="img" aria-label={TEXT.files.isFavourite} title={TEXT.files.isFavourite}>
          <Star size={14} aria-hidden="true" />
        </span>
      )}
    </>
  )
}

/** A text with the matches of a search marked. */
function Highlighted({ text, wanted }: { text: string; wanted: string }) {
  if (wanted === '') return text
  return matchesIn(text, wanted).map(({ part, isMatch, at }) =>
    isMatch ? <mark key={at}>{part}</mark> : <span key={at}>{part}</span>,
  )
}
