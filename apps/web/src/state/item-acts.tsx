import {
  ArrowRight,
  ClipboardCopy,
  Copy,
  Download,
  EyeOff,
  FolderOpen,
  History,
  Info,
  MapPin,
  Pencil,
  Scissors,
  Star,
  StarOff,
  Trash2,
} from 'lucide-react'
import { type ReactNode, useMemo, useState } from 'react'
import { parentOf, type Row, type Rows } from '../bridge/rows.ts'
import { TEXT } from '../strings.ts'
import type { Act } from '../ui/item-menu.tsx'
import { MoveDialog } from '../ui/move-dialog.tsx'
import { Preview, type Previewed } from '../ui/preview/preview.tsx'
import { ServerViewDialog } from '../ui/server-view-dialog.tsx'
import { VersionsDialog } from '../ui/versions-dialog.tsx'
import { clipboard } from './clipboard.ts'
import { setDetailsOpen } from './details.ts'
import { type ItemVerbs, tellClipped, useItemVerbs } from './item-verbs.ts'
import type { Selection } from './selection.ts'

type Open =
  | { readonly kind: 'versions' | 'server'; readonly row: Row }
  | { readonly kind: 'move'; readonly rows: readonly Row[] }

export interface ItemActs {
  readonly acts: readonly Act[]
  readonly verbs: ItemVerbs
  /** What is selected, in the order of the list. */
  readonly chosen: readonly Row[]
  /** Id of the entry whose name is being edited in place. */
  readonly renaming: string | null
  readonly setRenaming: (id: string | null) => void
  /** Keeps what is selected for pasting. */
  readonly clip: (mode: 'cut' | 'copy') => void
  /** Moves or copies what was cut or copied into a folder. */
  readonly paste: (folder: string) => void
  readonly showVersions: (row: Row) => void
  /** Shows a file over the page. */
  readonly preview: (row: Row) => void
  /** Dialogs that are open. */
  readonly dialog: ReactNode
}

interface ItemActsInput {
  readonly rows: Rows
  readonly selection: Selection
  readonly favourites: ReadonlySet<string>
  readonly onOpen: (row: Row) => void
  /** Offered where entries lie in several folders. */
  readonly onShowLocation?: ((row: Row) => void) | undefined
}

/** Entries that are selected, in the order of the list. */
export function selectedRows(rows: Rows, selection: Selection): Row[] {
  const found: Row[] = []
  for (let index = 0; index < rows.count && found.length < selection.ids.size; index += 1) {
    if (selection.has(rows.idAt(index))) found.push(rows.at(index))
  }
  return found
}

/** What can be done with the selected entries of a list. */
export function useItemActs({ rows, selection, favourites, onOpen, onShowLocation }: ItemActsInput): ItemActs {
  const [open, setOpen] = useState<Open | null>(null)
  const [renaming, setRenaming] = useState<string | null>(null)
  const [previewed, setPreviewed] = useState<Previewed | null>(null)
  const preview = (row: Row): void => setPreviewed({ row, version: null })
  const verbs = useItemVerbs(selection.clear)
  const close = (): void => setOpen(null)
  const chosen = useMemo(() => selectedRows(rows, selection), [rows, selection])
  const clip = (mode: 'cut' | 'copy'): void => {
    if (chosen.length === 0) return
    clipboard.set({ mode, rows: chosen })
    tellClipped(chosen.length, mode)
  }
  const paste = (folder: string): void => {
    const clipped = clipboard.get()
    if (clipped === null) return
    // What was cut is elsewhere then; copies can be made again.
    if (clipped.mode === 'cut') clipboard.set(null)
    if (clipped.mode === 'cut') verbs.moveInto(clipped.rows, folder)
    else verbs.copyInto(clipped.rows, folder)
  }
  const showVersions = (row: Row): void => setOpen({ kind: 'versions', row })
  const [only] = chosen
  const one = chosen.length === 1 && only !== undefined ? only : null
  const areFavourites = chosen.length > 0 && chosen.every((row) => favourites.has(row.id))
  const acts: Act[] = [
    ...(one === null ? [] : [{ label: TEXT.files.open, icon: FolderOpen, run: () => onOpen(one), keys: 'Enter' }]),
    { label: TEXT.files.download, icon: Download, run: () => verbs.download(chosen), primary: true },
    ...(one === null || onShowLocation === undefined
      ? []
      : [{ label: TEXT.files.showLocation, icon: MapPin, run: () => onShowLocation(one) }]),
    ...(one === null
      ? []
      : [{ label: TEXT.files.rename, icon: Pencil, run: () => setRenaming(one.id), apart: true, keys: 'F2' }]),
    { label: TEXT.files.move, icon: ArrowRight, run: () => setOpen({ kind: 'move', rows: chosen }), primary: true },
    { label: TEXT.files.cut, icon: Scissors, run: () => clip('cut'), keys: 'Ctrl+X' },
    { label: TEXT.files.clip, icon: ClipboardCopy, run: () => clip('copy'), keys: 'Ctrl+C' },
    ...(one === null
      ? []
      : [{ label: TEXT.files.copy, icon: Copy, run: () => verbs.copyInto([one], parentOf(one.path)) }]),
    {
      label: areFavourites ? TEXT.files.unfavourite : TEXT.files.favourite,
      icon: areFavourites ? StarOff : Star,
      run: () => verbs.mark(chosen, !areFavourites),
      primary: true,
      apart: true,
      keys: 'S',
    },
    ...(one?.kind === 'file' ? [{ label: TEXT.files.versions, icon: History, run: () => showVersions(one) }] : []),
    ...(one?.kind === 'file'
      ? [{ label: TEXT.serverView.open, icon: EyeOff, run: () => setOpen({ kind: 'server', row: one }) }]
      : []),
    { label: TEXT.files.details, icon: Info, run: () => setDetailsOpen(true), keys: 'I' },
    {
      label: TEXT.files.trash,
      icon: Trash2,
      run: () => verbs.trash(chosen),
      danger: true,
      apart: true,
      primary: true,
      keys: 'Del',
    },
  ]
  return {
    acts,
    verbs,
    chosen,
    renaming,
    setRenaming,
    clip,
    paste,
    showVersions,
    preview,
    dialog: (
      <>
        {open?.kind === 'versions' && (
          <VersionsDialog
            row={open.row}
            onClose={close}
            onDownload={(version) => verbs.download([open.row], version)}
            onShow={({ versionId, size, current }) =>
              setPreviewed({ row: open.row, version: current ? null : { id: versionId, size } })
            }
          />
        )}
        {open?.kind === 'server' && <ServerViewDialog row={open.row} onClose={close} />}
        {open?.kind === 'move' && (
          <MoveDialog
            from={parentOf(open.rows[0]?.path ?? '/')}
            moving={open.rows}
            onClose={close}
            onMove={(folder) => verbs.moveInto(open.rows, folder)}
          />
        )}
        {previewed !== null && (
          <Preview
            shown={previewed}
            rows={rows}
            onShow={preview}
            onDownload={({ row, version }) => verbs.download([row], version?.id ?? null)}
            onClose={() => setPreviewed(null)}
          />
        )}
      </>
    ),
  }
}
