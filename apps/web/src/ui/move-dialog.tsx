import { FolderPlus } from 'lucide-react'
import { useState } from 'react'
import { joinPath, parentOf, type Row } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { useExplanation, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { nameFault, typedName } from '../typed-name.ts'
import { Button, Field } from './controls.tsx'
import { Dialog } from './dialog.tsx'
import { FolderTree } from './folder-tree.tsx'

interface MoveProps {
  readonly from: string
  readonly moving: readonly Row[]
  readonly onClose: () => void
  readonly onMove: (folder: string) => void
}

/** Chooses a folder in a tree of all folders. */
export function MoveDialog({ from, moving, onClose, onMove }: MoveProps) {
  const { vault } = useVault()
  const explain = useExplanation()
  const [at, setAt] = useState(from)
  const [naming, setNaming] = useState<string | null>(null)
  const [error, setError] = useState<string | null>(null)
  const moved = new Set(moving.map((row) => row.path))
  const title =
    moving.length === 1 ? TEXT.moveDialog.one(shownName(moving[0]?.name ?? '')) : TEXT.moveDialog.many(moving.length)
  const create = async (): Promise<void> => {
    if (naming === null) return
    const name = typedName(naming)
    const fault = nameFault(name)
    if (fault !== null) return setError(fault)
    const path = joinPath(at, name)
    try {
      await vault.makeFolder(path)
      setAt(path)
      setNaming(null)
    } catch (cause) {
      setError(explain(cause))
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <FolderTree label={TEXT.moveDialog.tree} selected={at} refused={moved} onSelect={setAt} />
      {naming === null ? (
        <Button look="quiet" className="new-folder-button" onClick={() => setNaming('')}>
          <FolderPlus size={17} />
          {TEXT.files.newFolder}
        </Button>
      ) : (
        <form
          className="inline-form"
          onSubmit={(event) => {
            event.preventDefault()
            void create()
          }}
        >
          <Field
            label={TEXT.files.folderName}
            value={naming}
            error={error}
            autoFocus
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => {
              setNaming(event.target.value)
              setError(null)
            }}
          />
          <Button type="submit">{TEXT.files.create}</Button>
        </form>
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>{TEXT.dialog.cancel}</Button>
        <Button
          look="primary"
          disabled={moving.every((row) => parentOf(row.path) === at)}
          onClick={() => {
            onMove(at)
            onClose()
          }}
        >
          {TEXT.moveDialog.move}
        </Button>
      </div>
    </Dialog>
  )
}
