import { CheckCheck, RotateCcw, Trash2 } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
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
  const [asking, setAsking] = useState<'all' | 'selected' | null>(null)
  const [days, setDays] = useState<number | null | undefined>(undefined)
  useEffect(() => {
    vault.trashDays().then(setDays, () => undefined)
  }, [vault])
  useTitle(TEXT.trash.title)
  const restore = (): void =>
    act(async () => {
      const ids = [...selection.ids]
      if (ids.length === 0) return
      const paths = await vault.restore(ids)
      selection.clear()
      showUndoable(TEXT.done.restored(ids.length), () => vault.trash(paths), act)
    })
  const destroy = (ids: readonly string[] | null): void =>
    act(async () => {
      showToast(TEXT.trash.destroyed(await vault.emptyTrash(ids)))
      selection.clear()
    })
  const acts: readonly Act[] = [
    { label: TEXT.trash.restore, icon: RotateCcw, run: restore, primary: true, keys: 'Enter' },
    { label: TEXT.files.selectAll, icon: CheckCheck, run: selection.all, keys: 'Ctrl+A' },
    {
      label: TEXT.trash.destroy,
      icon: Trash2,
      run: () => setAsking('selected'),
      danger: true,
      primary: true,
      apart: true,
      keys: 'Del',
    },
  ]
  const count = selection.ids.size
  return (
    <>
      <div className="screen-head">
        <h1>{TEXT.trash.title}</h1>
        <div className="screen-tools">
          {count > 0 && <SelectionBar count={count} acts={acts} onClear={selection.clear} />}
          {rows.count > 0 && <Button onClick={() => setAsking('all')}>{TEXT.trash.emptyIt}</Button>}
        </div>
      </div>
      {loaded.state === 'failed' && loaded.code !== 'integrity' && (
        <p className="notice" role="alert">
          {failureText({ code: loaded.code })}
        </p>
      )}
      {rows.count > 0 && <p className="screen-hint">{days === undefined ? ' ' : TEXT.trash.hint(days)}</p>}
      <div className="screen-body">
        <div className="screen-list">
          {loaded.state === 'loading' && <Skeleton />}
          {loaded.state === 'ready' && rows.count === 0 && (
            <Empty icon={Trash2} title={TEXT.trash.empty} hint={days === undefined ? '' : TEXT.trash.emptyHint(days)} />
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
              keys={{ remove: () => setAsking('selected') }}
              onRename={async () => undefined}
              onRenamed={() => undefined}
              onDrag={undefined}
              onMoveInto={undefined}
              onOpenApart={undefined}
            />
          )}
        </div>
      </div>
      {asking !== null && (
        <ConfirmDialog
          title={asking === 'all' ? TEXT.trash.confirmTitle : TEXT.trash.destroyTitle(count)}
          text={asking === 'all' ? TEXT.trash.confirm : TEXT.trash.destroyText(count)}
          action={asking === 'all' ? TEXT.trash.emptyIt : TEXT.trash.destroy}
          onClose={() => setAsking(null)}
          onConfirm={() => destroy(asking === 'all' ? null : [...selection.ids])}
        />
      )}
    </>
  )
}
