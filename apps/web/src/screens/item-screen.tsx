import { useNavigate } from '@tanstack/react-router'
import {
  ArrowDownUp,
  Check,
  ClipboardPaste,
  FolderPlus,
  FolderUp,
  Info,
  LayoutGrid,
  List,
  Upload,
  X,
} from 'lucide-react'
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef } from 'react'
import { parentOf, type Row } from '../bridge/rows.ts'
import { clipboard } from '../state/clipboard.ts'
import { detailsOpen, setDetailsOpen } from '../state/details.ts'
import { dragged } from '../state/dragging.ts'
import { useFavouriteIds } from '../state/favourite-ids.ts'
import { useItemActs } from '../state/item-acts.tsx'
import { listLook, type SortMemory, setLook } from '../state/list-look.ts'
import { useObservable } from '../state/observable.ts'
import type { Selection } from '../state/selection.ts'
import { pastedFiles } from '../state/upload-request.tsx'
import { type Loaded, useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import { IconButton } from '../ui/controls.tsx'
import { DetailsPanel } from '../ui/details-panel.tsx'
import { FileGrid } from '../ui/file-grid.tsx'
import { FileTable } from '../ui/file-table.tsx'
import { focusList } from '../ui/focus-list.ts'
import { type Act, ActMenu } from '../ui/item-menu.tsx'
import { ListMenu } from '../ui/list-menu.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { useLatest } from '../ui/use-latest.ts'
import { useNarrow } from '../ui/use-narrow.ts'
import type { SortKey } from '../worker/vault-api.ts'
import { type Place, usePlace } from './place.tsx'

interface ItemScreenProps {
  /** Title or breadcrumbs, with the heading of the screen. */
  readonly head: ReactNode
  /** Said below it, where there is something to say. */
  readonly note?: string | undefined
  readonly loaded: Loaded
  readonly selection: Selection
  readonly sorts: SortMemory
  /** Path of the folder in view; null where entries come from several. */
  readonly folder: string | null
  readonly highlight?: string
  readonly empty: ReactNode
}

/** A list of entries with all that can be done with them. */
export function ItemScreen({ head, note, loaded, selection, sorts, folder, highlight = '', empty }: ItemScreenProps) {
  const { rows, state } = loaded
  const place = usePlace()
  const open = useOpen()
  const favourites = useFavouriteIds()
  const look = useObservable(listLook)
  const details = useObservable(detailsOpen)
  const sort = useObservable(sorts.sort)
  const Listing = look === 'list' ? FileTable : FileGrid
  const items = useItemActs({
    rows,
    selection,
    favourites,
    onOpen: (row) => (row.kind === 'folder' ? open.folderById(row.id) : items.preview(row)),
    onShowLocation: folder === null ? (row) => open.folder(parentOf(row.path)) : undefined,
  })
  const { acts, verbs, chosen } = items
  const areMarked = chosen.every((row) => favourites.has(row.id))
  usePaste(folder, items.paste)
  const isEmpty = state === 'ready' && rows.count === 0
  const here = (): readonly Act[] => (folder === null ? [] : placeActs(place, () => items.paste(folder)))
  return (
    <>
      <div className="screen-head">
        {head}
        <div className="screen-tools">
          {chosen.length > 0 && <SelectionBar count={chosen.length} acts={acts} onClear={selection.clear} />}
          <SortMenu sorts={sorts} shown={look === 'grid'} />
          <IconButton
            label={look === 'list' ? TEXT.files.asGrid : TEXT.files.asList}
            onClick={() => setLook(look === 'list' ? 'grid' : 'list')}
          >
            {look === 'list' ? <LayoutGrid size={19} /> : <List size={19} />}
          </IconButton>
          <IconButton
            label={TEXT.details.title}
            aria-pressed={details}
            className={details ? 'icon-button-on' : ''}
            onClick={() => setDetailsOpen(!details)}
          >
            <Info size={19} />
          </IconButton>
        </div>
      </div>
      {note !== undefined && <p className="screen-note">{note}</p>}
      {state === 'failed' && loaded.code !== 'integrity' && (
        <p className="notice" role="alert">
          {failureText({ code: loaded.code })}
        </p>
      )}
      <div className="screen-body">
        <div className="screen-list">
          {state === 'loading' && rows.count === 0 && <Skeleton />}
          {isEmpty && (folder === null ? empty : <EmptyPlace acts={here()}>{empty}</EmptyPlace>)}
          {rows.count > 0 && (
            <Listing
              rows={rows}
              selection={selection}
              sort={{ value: sort, set: sorts.set }}
              withLocation={folder === null}
              timeLabel={TEXT.files.modified}
              highlight={highlight}
              favourites={favourites}
              acts={acts}
              placeActs={here()}
              renaming={items.renaming}
              onOpen={(row) => (row.kind === 'folder' ? open.folderById(row.id) : items.preview(row))}
              onShowLocation={(row) => open.folder(parentOf(row.path))}
              keys={{
                rename: (row) => items.setRenaming(row.id),
                remove: () => verbs.trash(chosen),
                up: folder === null || folder === '/' ? undefined : () => open.folder(parentOf(folder)),
                mark: () => verbs.mark(chosen, !areMarked),
                cut: () => items.clip('cut'),
                copy: () => items.clip('copy'),
              }}
              onRename={(row, name) => verbs.rename(row, name)}
              onRenamed={() => items.setRenaming(null)}
              onDrag={() =>
                dragged.set({
                  ids: new Set(chosen.map((row) => row.id)),
                  from: folder,
                  moveInto: (target) => verbs.moveInto(chosen, target),
                  copyInto: (target) => verbs.copyInto(chosen, target),
                  trash: () => verbs.trash(chosen),
                  mark: () => verbs.mark(chosen, true),
                })
              }
              onMoveInto={(target, copy) =>
                copy ? verbs.copyInto(chosen, target.path) : verbs.moveInto(chosen, target.path)
              }
              onOpenApart={openApart}
            />
          )}
        </div>
        {details && <DetailsPanel chosen={chosen} onOpenFolder={open.folder} onVersions={items.showVersions} />}
      </div>
      {items.dialog}
    </>
  )
}

/** An empty folder, which has the menu of every folder. */
function EmptyPlace({ acts, children }: { acts: readonly Act[]; children: ReactNode }) {
  return (
    <ListMenu acts={acts} placeActs={acts} onItem={() => undefined} onPlace={() => undefined}>
      <div className="empty-place">{children}</div>
    </ListMenu>
  )
}

/** Opens a folder in another tab, which gets the session from this one. */
function openApart(row: Row): void {
  window.open(`/files/${row.id}`, '_blank', 'noopener')
}

/** What can be done with the folder in view. */
function placeActs(place: Place, paste: () => void): readonly Act[] {
  const clipped = clipboard.get()
  return [
    { label: TEXT.files.newFolder, icon: FolderPlus, run: place.newFolder, keys: 'N' },
    { label: TEXT.files.uploadFiles, icon: Upload, run: place.chooseFiles, keys: 'U', apart: true },
    { label: TEXT.files.uploadFolder, icon: FolderUp, run: place.chooseFolder },
    ...(clipped === null
      ? []
      : [
          {
            label: TEXT.files.paste(clipped.rows.length),
            icon: ClipboardPaste,
            keys: 'Ctrl+V',
            apart: true,
            run: paste,
          },
        ]),
  ]
}

/** Takes files from the clipboard, and entries that were cut or copied within the app. */
function usePaste(folder: string | null, paste: (folder: string) => void): void {
  const { send } = usePlace()
  const latest = useLatest(paste)
  useEffect(() => {
    if (folder === null) return
    const listen = (event: ClipboardEvent): void => {
      const target = event.target as Element
      if (event.clipboardData === null || target.closest('input, textarea, dialog') !== null) return
      const files = pastedFiles(event.clipboardData)
      if (files.length > 0) send(files)
      else latest.current(folder)
    }
    document.addEventListener('paste', listen)
    return () => document.removeEventListener('paste', listen)
  }, [folder, send, latest])
}

interface SelectionBarProps {
  readonly count: number
  readonly acts: readonly Act[]
  readonly onClear: () => void
}

export function SelectionBar({ count, acts, onClear }: SelectionBarProps) {
  const isNarrow = useNarrow()
  const bar = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = bar.current
    // Reason: when what has the focus goes, the browser gives it to nothing.
    return () => {
      if (element?.contains(document.activeElement)) focusList()
    }
  }, [])
  return (
    <div className="selection-bar" ref={bar}>
      <IconButton label={TEXT.files.clear} onClick={onClear}>
        <X size={19} />
      </IconButton>
      <strong role="status">
        {isNarrow ? (
          <>
            <span aria-hidden="true">{count.toLocaleString()}</span>
            <span className="visually-hidden">{TEXT.files.selected(count)}</span>
          </>
        ) : (
          TEXT.files.selected(count)
        )}
      </strong>
      {acts
        .filter((act) => act.primary)
        .map((act) => (
          <IconButton key={act.label} label={act.label} onClick={act.run}>
            <act.icon size={19} />
          </IconButton>
        ))}
      <ActMenu acts={acts} />
    </div>
  )
}

/** The order of a list, where its columns have no heads. */
function SortMenu({ sorts, shown }: { sorts: SortMemory; shown: boolean }) {
  const value = useObservable(sorts.sort)
  const orders: readonly { by: SortKey; descending: boolean; label: string }[] = [
    { by: 'name', descending: false, label: TEXT.sort.nameUp },
    { by: 'name', descending: true, label: TEXT.sort.nameDown },
    { by: 'time', descending: true, label: TEXT.sort.newest },
    { by: 'time', descending: false, label: TEXT.sort.oldest },
    { by: 'size', descending: true, label: TEXT.sort.largest },
    { by: 'size', descending: false, label: TEXT.sort.smallest },
  ]
  return (
    <div className={shown ? '' : 'only-narrow'}>
      <ActMenu
        acts={orders.map(({ by, descending, label }) => ({
          label,
          icon: value.by === by && value.descending === descending ? Check : Blank,
          run: () => sorts.set({ by, descending }),
        }))}
        trigger={
          <button type="button" className="icon-button" aria-label={TEXT.sort.title} title={TEXT.sort.title}>
            <ArrowDownUp size={18} />
          </button>
        }
      />
    </div>
  )
}

function Blank({ size = 17 }: { size?: number }) {
  return <svg width={size} height={size} aria-hidden="true" />
}

/** Ways to other folders. */
export function useOpen(): { folder: (path: string) => void; folderById: (nodeId: string) => void } {
  const navigate = useNavigate()
  const { vault } = useVault()
  return useMemo(() => {
    const folderById = (nodeId: string): void => void navigate({ to: '/files/$nodeId', params: { nodeId } })
    return {
      folderById,
      folder(path) {
        if (path === '/') void navigate({ to: '/files' })
        else
          vault.idOf(path).then(
            (nodeId) => nodeId !== null && folderById(nodeId),
            () => undefined,
          )
      },
    }
  }, [navigate, vault])
}
