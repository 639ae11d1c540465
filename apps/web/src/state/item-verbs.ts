import { joinPath, parentOf, type Row } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { TEXT } from '../strings.ts'
import { byAnswer, resolveCollisions } from './collisions.ts'
import { startDownload } from './downloads.ts'
import { showToast } from './toasts.ts'
import { showUndoable } from './undo.ts'
import { useAction, useVault } from './vault.tsx'

/** What can be done with entries; each tells what it did, with undo where there is a way back. */
export interface ItemVerbs {
  download(rows: readonly Row[], version?: string | null): void
  trash(rows: readonly Row[]): void
  moveInto(rows: readonly Row[], folder: string): void
  copyInto(rows: readonly Row[], folder: string): void
  mark(rows: readonly Row[], marked: boolean): void
  /** Rejects with a failure that the field shows. */
  rename(row: Row, name: string): Promise<void>
}

/** @param done - called when what was selected is no longer where it was */
export function useItemVerbs(done: () => void): ItemVerbs {
  const { vault } = useVault()
  const act = useAction()
  const undoable = (text: string, undo: () => Promise<unknown>): void => showUndoable(text, undo, act)

  const moveInto = async (rows: readonly Row[], folder: string): Promise<void> => {
    refuseInto(folder, rows)
    const moves = rows
      .filter((row) => parentOf(row.path) !== folder)
      .map((row) => ({ row, from: row.path, to: joinPath(folder, row.name) }))
    const answers = await resolveCollisions(
      vault,
      moves.map(({ row, to }) => ({ path: to, kind: row.kind, size: row.size, timeMs: row.timeMs })),
    )
    if (answers === null) return
    const undo: { from: string; to: string }[] = []
    for (const [conflict, group] of byAnswer(moves, ({ to }) => to, answers)) {
      if (conflict === 'skip') continue
      const paths = await vault.move(
        group.map(({ from, to }) => ({ from, to })),
        conflict,
      )
      for (const [index, { from, to }] of group.entries()) undo.push({ from: paths[index] ?? to, to: from })
    }
    if (undo.length === 0) return
    done()
    undoable(TEXT.done.moved(undo.length), () => vault.move(undo, 'keep-both'))
  }

  return {
    download: (rows, version = null) => act(() => startDownload(vault, rows, version)),
    trash: (rows) =>
      act(async () => {
        await vault.trash(rows.map((row) => row.path))
        done()
        const ids = rows.map((row) => row.id)
        undoable(TEXT.done.trashed(ids.length), () => vault.restore(ids))
      }),
    moveInto: (rows, folder) => act(() => moveInto(rows, folder)),
    copyInto: (rows, folder) =>
      act(async () => {
        refuseInto(folder, rows)
        const copies = rows.map((row) => ({ from: row.path, to: joinPath(folder, row.name) }))
        const paths = await vault.copy(copies)
        undoable(TEXT.done.copied(paths.length), () => vault.trash(paths))
      }),
    mark: (rows, marked) =>
      act(async () => {
        const ids = rows.map((row) => row.id)
        await vault.setFavourites(ids, marked)
        undoable(marked ? TEXT.done.marked(ids.length) : TEXT.done.unmarked(ids.length), () =>
          vault.setFavourites(ids, !marked),
        )
      }),
    async rename(row, name) {
      const to = joinPath(parentOf(row.path), name)
      if (to === row.path) return
      const [taken] = await vault.taken([to])
      // Another form of the same name is the entry itself.
      if (taken !== undefined && name.normalize('NFC') !== row.name.normalize('NFC')) {
        throw { code: 'exists', details: {} }
      }
      await vault.move([{ from: row.path, to }], null)
      undoable(TEXT.done.renamed(shownName(name)), () => vault.move([{ from: to, to: row.path }], 'keep-both'))
    },
  }
}

/** @throws VaultFailure `into_itself` */
function refuseInto(folder: string, rows: readonly Row[]): void {
  if (rows.some((row) => folder === row.path || folder.startsWith(`${row.path}/`))) {
    throw { code: 'into_itself', details: {} }
  }
}

/** Says that something waits to be pasted. */
export function tellClipped(count: number, mode: 'cut' | 'copy'): void {
  showToast(mode === 'cut' ? TEXT.done.cut(count) : TEXT.done.clipped(count))
}
