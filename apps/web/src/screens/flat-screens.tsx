import { useNavigate } from '@tanstack/react-router'
import type { LucideIcon } from 'lucide-react'
import { Clock, RotateCcw, Search, Star, Trash2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { Vault } from '../bridge/connect.ts'
import type { Row } from '../bridge/rows.ts'
import { useItemActs } from '../state/item-acts.tsx'
import { useObservable } from '../state/observable.ts'
import { searchText } from '../state/search.ts'
import { useSelection } from '../state/selection.ts'
import { showToast } from '../state/toasts.ts'
import { useAction, useRows, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import { ConfirmDialog } from '../ui/dialogs.tsx'
import { Empty } from '../ui/empty.tsx'
import { FileTable } from '../ui/file-table.tsx'
import { ContextItems } from '../ui/item-menu.tsx'
import type { PackedRows } from '../worker/vault-api.ts'

interface FlatProps {
  readonly title: string
  readonly listKey: string
  readonly load: (vault: Vault) => Promise<PackedRows>
  /** Everything listed is one. */
  readonly favourites?: boolean
  readonly empty: { readonly icon: LucideIcon; readonly title: string; readonly hint: string }
}

/** Entries from all over the vault. */
function FlatScreen({ title, listKey, load, empty, favourites = false }: FlatProps) {
  const navigate = useNavigate()
  const { state, rows } = useRows(listKey, load)
  const selection = useSelection(listKey, rows)
  const open = (row: Row): void => {
    if (row.kind === 'folder') void navigate({ to: '/files/$nodeId', params: { nodeId: row.id } })
    else items.downloadRows([row])
  }
  const items = useItemActs(rows, selection, open, favourites)
  useTitle(title)
  return (
    <>
      <div className="screen-head">
        <h1>{title}</h1>
      </div>
      {state === 'ready' && rows.count === 0 && <Empty {...empty} />}
      {rows.count > 0 && (
        <FileTable
          rows={rows}
          selection={selection}
          sort={null}
          withLocation
          onOpen={open}
          onRename={items.rename}
          onDelete={items.trash}
          menu={() => <ContextItems acts={items.acts} />}
        />
      )}
      {items.dialog}
    </>
  )
}

function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – ${TEXT.product}`
  }, [title])
}

export function RecentScreen() {
  return (
    <FlatScreen
      title={TEXT.nav.recent}
      listKey="recent"
      load={(vault) => vault.recent()}
      empty={{ icon: Clock, title: TEXT.files.recentEmpty, hint: TEXT.files.recentEmptyHint }}
    />
  )
}

export function FavouritesScreen() {
  return (
    <FlatScreen
      title={TEXT.nav.favourites}
      listKey="favourites"
      load={(vault) => vault.favourites()}
      empty={{ icon: Star, title: TEXT.files.favouritesEmpty, hint: TEXT.files.favouritesEmptyHint }}
      favourites
    />
  )
}

/** What is looked for stays out of the address: names belong in no URL. */
export function SearchScreen() {
  const text = useObservable(searchText)
  const { rows } = useRows(`search:${text}`, (vault) => vault.search(text))
  return (
    <FlatScreen
      title={TEXT.files.found(rows.count, text)}
      listKey={`search:${text}`}
      load={(vault) => vault.search(text)}
      empty={{ icon: Search, title: TEXT.files.nothingFound, hint: TEXT.files.nothingFoundHint }}
    />
  )
}

export function TrashScreen() {
  const { vault } = useVault()
  const act = useAction()
  const { state, rows } = useRows('trash', (from) => from.trashed())
  const selection = useSelection('trash', rows)
  const [asking, setAsking] = useState(false)
  useTitle(TEXT.trash.title)
  const restore = (): void =>
    act(async () => {
      const ids = [...selection.ids]
      await vault.restore(ids)
      selection.clear()
      showToast(TEXT.done.restored(ids.length))
    })
  const acts = [{ label: TEXT.trash.restore, icon: RotateCcw, run: restore }]
  return (
    <>
      <div className="screen-head">
        <h1>{TEXT.trash.title}</h1>
        <div className="screen-acts">
          {selection.ids.size > 0 && (
            <Button onClick={restore}>
              <RotateCcw size={17} />
              {TEXT.trash.restore}
            </Button>
          )}
          {rows.count > 0 && <Button onClick={() => setAsking(true)}>{TEXT.trash.emptyIt}</Button>}
        </div>
      </div>
      {state === 'ready' && rows.count === 0 && (
        <Empty icon={Trash2} title={TEXT.trash.empty} hint={TEXT.trash.emptyHint} />
      )}
      {rows.count > 0 && (
        <FileTable
          rows={rows}
          selection={selection}
          sort={null}
          withLocation
          timeLabel={TEXT.files.trashedAt}
          onOpen={(row) => selection.only(row.index)}
          menu={() => <ContextItems acts={acts} />}
        />
      )}
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
