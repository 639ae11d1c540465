import { type ReactNode, useState } from 'react'
import { joinPath } from '../bridge/rows.ts'
import { TEXT } from '../strings.ts'
import { CollisionDialog, NameDialog } from '../ui/dialogs.tsx'
import { showToast } from './toasts.ts'
import { upload } from './transfers.ts'
import { useAction, useVault } from './vault.tsx'

/** A file and where it belongs below the target folder. */
export interface Dropped {
  readonly relative: string
  readonly file: File
}

export interface UploadRequests {
  /** Uploads below a folder, asking what to do with what exists. */
  readonly send: (folder: string, files: readonly Dropped[]) => void
  readonly makeFolder: (folder: string) => void
  readonly dialog: ReactNode
}

interface Waiting {
  readonly files: readonly { path: string; file: File }[]
  readonly colliding: number
}

export function useUploadRequests(): UploadRequests {
  const { vault } = useVault()
  const act = useAction()
  const [waiting, setWaiting] = useState<Waiting | null>(null)
  const [newFolderIn, setNewFolderIn] = useState<string | null>(null)
  return {
    send: (folder, dropped) =>
      act(async () => {
        const files = dropped.map(({ relative, file }) => ({ path: joinPath(folder, relative), file }))
        if (files.length === 0) return
        const existing = await vault.existing(files.map(({ path }) => path))
        if (existing.length > 0) setWaiting({ files, colliding: existing.length })
        else await upload(vault, files, 'keep-both')
      }),
    makeFolder: setNewFolderIn,
    dialog: (
      <>
        {waiting !== null && (
          <CollisionDialog
            count={waiting.colliding}
            onClose={() => setWaiting(null)}
            onChoose={(conflict) => void upload(vault, waiting.files, conflict)}
          />
        )}
        {newFolderIn !== null && (
          <NameDialog
            title={TEXT.files.newFolder}
            label={TEXT.files.folderName}
            action={TEXT.files.create}
            initial={TEXT.files.untitled}
            onClose={() => setNewFolderIn(null)}
            onName={async (name) => {
              await vault.makeFolder(joinPath(newFolderIn, name))
              showToast(TEXT.done.folder(name))
            }}
          />
        )}
      </>
    ),
  }
}

/** The files of a drop, folders walked through. Must be called while the event is handled. */
export async function droppedFiles(transfer: DataTransfer): Promise<Dropped[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const lists = await Promise.all(entries.map((entry) => walk(entry, '')))
  return lists.flat()
}

async function walk(entry: FileSystemEntry, above: string): Promise<Dropped[]> {
  const relative = above === '' ? entry.name : `${above}/${entry.name}`
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail))
    return [{ relative, file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: Dropped[] = []
  for (;;) {
    // Reason: browsers hand over a hundred entries at a time, and none at the end.
    const batch = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail))
    if (batch.length === 0) return found
    for (const child of batch) found.push(...(await walk(child, relative)))
  }
}

/** The files of a picker; those of a folder keep their paths in it. */
export function pickedFiles(list: FileList | null): Dropped[] {
  return [...(list ?? [])].map((file) => ({ relative: file.webkitRelativePath || file.name, file }))
}
