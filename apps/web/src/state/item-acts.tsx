import { ArrowRight, Copy, Download, FolderOpen, History, Pencil, Star, StarOff, Trash2 } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { download } from '../bridge/download.ts'
import { joinPath, parentOf, type Row, type Rows } from '../bridge/rows.ts'
import { TEXT } from '../strings.ts'
import { MoveDialog, NameDialog, VersionsDialog } from '../ui/dialogs.tsx'
import type { Act } from '../ui/item-menu.tsx'
import type { Selection } from './selection.ts'
import { showToast } from './toasts.ts'
import { useAction, useVault } from './vault.tsx'

type Open =
  | { readonly kind: 'rename' | 'versions'; readonly row: Row }
  | { readonly kind: 'move'; readonly rows: Row[] }

export interface ItemActs {
  readonly acts: readonly Act[]
  readonly rename: (row: Row) => void
  readonly trash: () => void
  readonly moveInto: (folder: string) => void
  readonly downloadRows: (rows: readonly Row[]) => void
  /** Dialogs that are open. */
  readonly dialog: ReactNode
}

/** What can be done with the selected entries of a list, with undo where there is a way back. */
export function useItemActs(
  rows: Rows,
  selection: Selection,
  onOpen: (row: Row) => void,
  areFavourites = false,
): ItemActs {
  const { vault } = useVault()
  const act = useAction()
  const [open, setOpen] = useState<Open | null>(null)
  const close = (): void => setOpen(null)
  const selected = (): Row[] => {
    const found: Row[] = []
    for (let index = 0; index < rows.count && found.length < selection.ids.size; index += 1) {
      if (selection.has(rows.idAt(index))) found.push(rows.at(index))
    }
    return found
  }
  const undoable = (text: string, undo: () => Promise<unknown>): void =>
    showToast(text, {
      label: TEXT.done.undo,
      run: () =>
        act(async () => {
          await undo()
          showToast(TEXT.done.undone)
        }),
    })

  const downloadRows = (wanted: readonly Row[], version: string | null = null): void =>
    act(async () => {
      await download(
        vault,
        wanted.map((row) => row.path),
        version,
      )
      showToast(TEXT.done.downloading)
    })

  const trash = (): void =>
    act(async () => {
      const gone = selected()
      await vault.trash(gone.map((row) => row.path))
      selection.clear()
      undoable(TEXT.done.trashed(gone.length), () => vault.restore(gone.map((row) => row.id)))
    })

  const moveRows = (moving: readonly Row[], folder: string): void =>
    act(async () => {
      const moves = moving
        .filter((row) => parentOf(row.path) !== folder)
        .map((row) => ({ from: row.path, to: joinPath(folder, row.name) }))
      if (moves.length === 0) return
      const paths = await vault.move(moves, 'keep-both')
      selection.clear()
      undoable(TEXT.done.moved(moves.length), () =>
        vault.move(
          moves.map((move, index) => ({ from: paths[index] ?? move.to, to: move.from })),
          'keep-both',
        ),
      )
    })

  const copyRows = (copying: readonly Row[]): void =>
    act(async () => {
      await vault.copy(copying.map((row) => ({ from: row.path, to: row.path })))
      showToast(TEXT.done.copied(copying.length))
    })

  const mark = (marking: readonly Row[], marked: boolean): void =>
    act(async () => {
      const ids = marking.map((row) => row.id)
      await vault.setFavourites(ids, marked)
      selection.clear()
      undoable(marked ? TEXT.done.marked(ids.length) : TEXT.done.unmarked(ids.length), () =>
        vault.setFavourites(ids, !marked),
      )
    })

  const rename = (row: Row): void => setOpen({ kind: 'rename', row })
  const renameTo = async (row: Row, name: string): Promise<void> => {
    const to = joinPath(parentOf(row.path), name)
    if (to === row.path) return
    const existing = await vault.existing([to])
    if (existing.length > 0) throw { code: 'exists', details: {} }
    await vault.move([{ from: row.path, to }], null)
    undoable(TEXT.done.renamed(name), () => vault.move([{ from: to, to: row.path }], 'keep-both'))
  }

  const chosen = selected()
  const [only] = chosen
  const one = chosen.length === 1 && only !== undefined ? only : null
  const acts: Act[] = [
    ...(one === null ? [] : [{ label: TEXT.files.open, icon: FolderOpen, run: () => onOpen(one) }]),
    { label: TEXT.files.download, icon: Download, run: () => downloadRows(chosen) },
    ...(one === null ? [] : [{ label: TEXT.files.rename, icon: Pencil, run: () => rename(one), apart: true }]),
    { label: TEXT.files.move, icon: ArrowRight, run: () => setOpen({ kind: 'move', rows: chosen }) },
    { label: TEXT.files.copy, icon: Copy, run: () => copyRows(chosen) },
    {
      label: areFavourites ? TEXT.files.unfavourite : TEXT.files.favourite,
      icon: areFavourites ? StarOff : Star,
      run: () => mark(chosen, !areFavourites),
    },
    ...(one?.kind === 'file'
      ? [{ label: TEXT.files.versions, icon: History, run: () => setOpen({ kind: 'versions', row: one }) }]
      : []),
    { label: TEXT.files.trash, icon: Trash2, run: trash, danger: true, apart: true },
  ]

  return {
    acts,
    rename,
    trash,
    moveInto: (folder) => moveRows(selected(), folder),
    downloadRows,
    dialog: (
      <>
        {open?.kind === 'rename' && (
          <NameDialog
            title={TEXT.rename.title}
            label={TEXT.rename.label}
            action={TEXT.rename.save}
            initial={open.row.name}
            onClose={close}
            onName={(name) => renameTo(open.row, name)}
          />
        )}
        {open?.kind === 'versions' && (
          <VersionsDialog row={open.row} onClose={close} onDownload={(version) => downloadRows([open.row], version)} />
        )}
        {open?.kind === 'move' && (
          <MoveDialog
            from={parentOf(open.rows[0]?.path ?? '/')}
            moving={open.rows}
            onClose={close}
            onMove={(folder) => moveRows(open.rows, folder)}
          />
        )}
      </>
    ),
  }
}
