import { CheckCheck, RotateCcw, Trash2 } from 'lucide-react'
import { useMemo, useState } from 'react'
import { SORTS } from '../state/list-look.ts'
import { useObservable } from '../state/observable.ts'
import { useSelection } from '../state/selection.ts'
import { sortRows } from '../state/sorted-rows.ts'
import { useTitle } from '../state/title.ts'
import { showToast } from '../state/toasts.ts'
import { showUndoable } from '../state/undo.ts'
import { useAction, useRows, useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import { ConfirmDialog } from '../ui/dialogs.tsx'
import { Empty } from '../ui/empty.tsx'
import { FileTable } from '../ui/file-table.tsx'
import type { Act } from '../ui/item-menu.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { SelectionBar, useOpen } from './item-screen.tsx'

const NONE: ReadonlySet<string> = new Set()

/** What was thrown away, until it is destroyed. */
export function TrashScreen() {
  const { vault } = useVault()
  const act = useAction()
  const open = useOpen()
  const loaded = useRows('trash', (from) => from.trashed())
  const sort = useObservable(SORTS.trash.sort)
  const rows = useMemo(() => sortRows(loaded.rows, sort), [loaded.rows, sort])
  const selection = useSelection('trash', rows)
  const [asking, setAsking] = useState(false)
  useTitle(TEXT.trash.title)
  const restore = (): void =>
    act(async () => {
      const ids = [...selection.ids]
      if (ids.length === 0) return
      const paths = await vault.restore(ids)
      selection.clear()
      showUndoable(TEXT.done.restored(ids.length), () => vault.trash(paths), act)
    })
  const acts: readonly Act[] = [
    { label: TEXT.trash.restore, icon: RotateCcw, run: restore, primary: true, keys: 'Enter' },
    { label: TEXT.files.selectAll, icon: CheckCheck, run: selection.all, keys: 'Ctrl+A' },
  ]
  const count = selection.ids.size
  return (
    <>
      <div className="screen-head">
        <h1>{TEXT.trash.title}</h1>
        <div className="screen-tools">
          {count > 0 && <SelectionBar count={count} acts={acts} onClear={selection.clear} />}
          {rows.count > 0 && <Button onClick={() => setAsking(true)}>{TEXT.trash.emptyIt}</Button>}
        </div>
      </div>
      {loaded.state === 'failed' && loaded.code !== 'integrity' && (
        <p className="notice" role="alert">
          {failureText({ code: loaded.code })}
        </p>
      )}
      {rows.count > 0 && <p className="screen-hint">{TEXT.trash.hint}</p>}
      <div className="screen-body">
        <div className="screen-list">
          {loaded.state === 'loading' && <Skeleton />}
          {loaded.state === 'ready' && rows.count === 0 && (
            <Empty icon={Trash2} title={TEXT.trash.empty} hint={TEXT.trash.emptyHint} />
          )}
          {rows.count > 0 && (
            <FileTable
              rows={rows}
              selection={selection}
              sort={{ value: sort, set: SORTS.trash.set }}
              withLocation
              timeLabel={TEXT.files.trashedAt}
              highlight=""
              favourites={NONE}
              acts={acts}
              placeActs={[{ label: TEXT.files.selectAll, icon: CheckCheck, run: selection.all }]}
              renaming={null}
              onOpen={(row) => selection.only(row.index)}
              onShowLocation={(row) => open.folder(row.path.slice(0, row.path.lastIndexOf('/')) || '/')}
              keys={{ remove: undefined }}
              onRename={async () => undefined}
              onRenamed={() => undefined}
              onDrag={undefined}
              onMoveInto={undefined}
            />
          )}
        </div>
      </div>
      {asking && (
        <ConfirmDialog
          title={TEXT.trash.confirmTitle}
          text={TEXT.trash.confirm}
          action={TEXT.trash.emptyIt}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            act(async () => {
              showToast(TEXT.trash.destroyed(await vault.emptyTrash()))
            })
          }
        />
      )}
    </>
  )
}
