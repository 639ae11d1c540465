import { type ReactNode, useState } from 'react'
import { joinPath } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { TEXT } from '../strings.ts'
import { NameDialog } from '../ui/dialogs.tsx'
import { byAnswer, resolveCollisions } from './collisions.ts'
import { showToast } from './toasts.ts'
import { upload } from './transfers.ts'
import { showUndoable } from './undo.ts'
import { useAction, useVault } from './vault.tsx'

/** A file, or an empty folder, and where it belongs below the target folder. */
export interface Dropped {
  readonly relative: string
  /** null for an empty folder. */
  readonly file: File | null
}

export interface UploadRequests {
  /** Uploads below a folder, asking what to do with what exists. */
  readonly send: (folder: string, files: readonly Dropped[]) => void
  readonly makeFolder: (folder: string) => void
  readonly dialog: ReactNode
}

export function useUploadRequests(): UploadRequests {
  const { vault } = useVault()
  const act = useAction()
  const [newFolderIn, setNewFolderIn] = useState<string | null>(null)

  const send = async (folder: string, dropped: readonly Dropped[]): Promise<void> => {
    const files: { path: string; file: File }[] = []
    const folders: string[] = []
    for (const { relative, file } of dropped) {
      if (file === null) folders.push(joinPath(folder, relative))
      else files.push({ path: joinPath(folder, relative), file })
    }
    const answers = await resolveCollisions(
      vault,
      files.map(({ path, file }) => ({ path, kind: 'file', size: file.size, timeMs: file.lastModified })),
    )
    if (answers === null) return
    if (folders.length > 0) await vault.makeFolders(folders)
    const groups = [...byAnswer(files, ({ path }) => path, answers)].filter(([conflict]) => conflict !== 'skip')
    await Promise.all(
      groups.map(([conflict, group]) => {
        const sent = group.map(({ path, file }) => ({ path, file, isNew: !answers.has(path) }))
        return upload(vault, sent, conflict)
      }),
    )
    if (files.length === 0 && folders.length > 0) showToast(TEXT.done.folders(folders.length))
  }

  return {
    send: (folder, dropped) => act(() => send(folder, dropped)),
    makeFolder: setNewFolderIn,
    dialog: newFolderIn !== null && (
      <NameDialog
        title={TEXT.files.newFolder}
        label={TEXT.files.folderName}
        action={TEXT.files.create}
        initial={TEXT.files.untitled}
        onClose={() => setNewFolderIn(null)}
        onName={async (name) => {
          const path = joinPath(newFolderIn, name)
          await vault.makeFolder(path)
          showUndoable(TEXT.done.folder(shownName(name)), () => vault.trash([path]), act)
        }}
      />
    ),
  }
}

/** What a drop holds: what can be read of it, and how many files and folders cannot. */
interface Drop {
  readonly files: readonly Dropped[]
  readonly unread: number
}

/** The files of a drop, folders walked through. Must be called while the event is handled. */
export async function droppedFiles(transfer: DataTransfer): Promise<Drop> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const lists = await Promise.all(entries.map((entry) => walk(entry, '')))
  const found = lists.flat()
  const files = found.filter((dropped) => dropped !== null)
  return { files, unread: found.length - files.length }
}

/** What lies at an entry and below; null for each that cannot be read, which must not cost the others. */
async function walk(entry: FileSystemEntry, above: string): Promise<(Dropped | null)[]> {
  const relative = above === '' ? entry.name : `${above}/${entry.name}`
  const found: (Dropped | null)[] = []
  try {
    if (entry.isFile) {
      const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail))
      return [{ relative, file }]
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    let isEmpty = true
    for (;;) {
      // Reason: browsers hand over a hundred entries at a time, and none at the end.
      const batch = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail))
      if (batch.length === 0) return isEmpty ? [{ relative, file: null }] : found
      isEmpty = false
      for (const child of batch) found.push(...(await walk(child, relative)))
    }
  } catch {
    return [...found, null]
  }
}

/** The files of a picker; those of a folder keep their paths in it. */
export function pickedFiles(list: FileList | null): Dropped[] {
  return [...(list ?? [])].map((file) => ({ relative: file.webkitRelativePath || file.name, file }))
}

/** What was pasted: browsers give pictures from the clipboard no name of their own. */
export function pastedFiles(transfer: DataTransfer): Dropped[] {
  return [...transfer.files].map((file) => ({ relative: file.name, file }))
}
