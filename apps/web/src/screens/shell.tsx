import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { Menu, Plus } from 'lucide-react'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { clipboard } from '../state/clipboard.ts'
import { openCollisions } from '../state/collisions.ts'
import { detailsOpen, setDetailsOpen } from '../state/details.ts'
import { forgetDownloads } from '../state/downloads.ts'
import { forgetRotation, resumeRotation } from '../state/key-rotation.ts'
import { listLook, setLook } from '../state/list-look.ts'
import { searchText } from '../state/search.ts'
import { showToast } from '../state/toasts.ts'
import { forgetUndo, takeUndo } from '../state/undo.ts'
import { droppedFiles, pickedFiles, useUploadRequests } from '../state/upload-request.tsx'
import { useAction, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { CollisionQuestions } from '../ui/collision-dialog.tsx'
import { ConnectionNotice } from '../ui/connection-notice.tsx'
import { IconButton } from '../ui/controls.tsx'
import { ShortcutsDialog } from '../ui/dialogs.tsx'
import { ActMenu } from '../ui/item-menu.tsx'
import { Toasts } from '../ui/toasts.tsx'
import { TransfersPanel } from '../ui/transfers-panel.tsx'
import { useLatest } from '../ui/use-latest.ts'
import { AccountMenu } from './account-menu.tsx'
import { DropZone } from './drop-zone.tsx'
import { type Place, PlaceContext } from './place.tsx'
import { SearchBox } from './search-box.tsx'
import { Sidebar, useNewActs } from './sidebar.tsx'

/** Everything around the screens: navigation, search, uploads, drops and shortcuts. */
export function Shell() {
  const navigate = useNavigate()
  const [folder, setFolder] = useState('/')
  const [navOpen, setNavOpen] = useState(false)
  const [helping, setHelping] = useState(false)
  const requests = useUploadRequests()
  const act = useAction()
  const files = useRef<HTMLInputElement>(null)
  const folders = useRef<HTMLInputElement>(null)
  const search = useRef<HTMLInputElement>(null)
  const latest = useLatest({ requests, folder })
  const place = useMemo(
    (): Place => ({
      enter: setFolder,
      chooseFiles: () => files.current?.click(),
      chooseFolder: () => folders.current?.click(),
      newFolder: () => latest.current.requests.makeFolder(latest.current.folder),
      send: (sent) => latest.current.requests.send(latest.current.folder, sent),
    }),
    [latest],
  )
  const path = useRouterState({ select: (state) => state.location.pathname })
  const { vault } = useVault()
  useEffect(() => {
    resumeRotation(vault)
    return forgetAll
  }, [vault])
  useEffect(() => {
    setNavOpen(path === '')
  }, [path])
  useShortcuts({
    '/': () => search.current?.focus(),
    n: place.newFolder,
    u: place.chooseFiles,
    '?': () => setHelping(true),
    i: () => setDetailsOpen(!detailsOpen.get()),
    v: () => setLook(listLook.get() === 'list' ? 'grid' : 'list'),
    'ctrl+z': () => {
      const undo = takeUndo()
      if (undo !== null) act(async () => void (await undo()))
    },
    'g f': () => navigate({ to: '/files' }),
    'g r': () => navigate({ to: '/recent' }),
    'g s': () => navigate({ to: '/favourites' }),
    'g t': () => navigate({ to: '/trash' }),
  })
  return (
    <PlaceContext value={place}>
      <DropZone
        folder={folder}
        onDrop={(transfer) => {
          const dropped = droppedFiles(transfer)
          act(async () => {
            const { files: sent, unread } = await dropped
            if (unread > 0) showToast(TEXT.files.unread(unread))
            requests.send(folder, sent)
          })
        }}
      >
        <Sidebar isOpen={navOpen} onClose={() => setNavOpen(false)} />
        <div className="main">
          <header className="topbar">
            <IconButton
              className="only-narrow"
              label={TEXT.nav.menu}
              aria-expanded={navOpen}
              onClick={() => setNavOpen(true)}
            >
              <Menu size={21} />
            </IconButton>
            <SearchBox box={search} />
            <AccountMenu onHelp={() => setHelping(true)} />
          </header>
          <ConnectionNotice />
          <main className="screen">
            <Outlet />
            <div id="menus" />
          </main>
        </div>
        <AddButton />
        <TransfersPanel />
        <Toasts />
        <Pickers files={files} folders={folders} onPick={(list) => place.send(pickedFiles(list))} />
        {requests.dialog}
        <CollisionQuestions />
        {helping && <ShortcutsDialog onClose={() => setHelping(false)} />}
      </DropZone>
    </PlaceContext>
  )
}

/** On phones, within a thumb's reach, wherever something can be added. */
function AddButton() {
  const acts = useNewActs()
  const path = useRouterState({ select: (state) => state.location.pathname })
  if (path !== '/recent' && !path.startsWith('/files')) return null
  return (
    <ActMenu
      acts={acts}
      trigger={
        <button type="button" className="add-button" aria-label={TEXT.files.new}>
          <Plus size={26} aria-hidden="true" />
        </button>
      }
    />
  )
}

/** What belongs to who was signed in, and goes with the drive. */
function forgetAll(): void {
  forgetDownloads()
  forgetUndo()
  forgetRotation()
  clipboard.set(null)
  searchText.set('')
  openCollisions.get()?.answer(null)
}

interface PickersProps {
  readonly files: React.RefObject<HTMLInputElement | null>
  readonly folders: React.RefObject<HTMLInputElement | null>
  readonly onPick: (list: FileList | null) => void
}

function Pickers({ files, folders, onPick }: PickersProps): ReactNode {
  const pick = (input: HTMLInputElement): void => {
    onPick(input.files)
    input.value = ''
  }
  return (
    <>
      <input ref={files} type="file" multiple hidden onChange={({ currentTarget }) => pick(currentTarget)} />
      <input
        ref={(input) => {
          folders.current = input
          if (input !== null) input.webkitdirectory = true
        }}
        type="file"
        hidden
        onChange={({ currentTarget }) => pick(currentTarget)}
      />
    </>
  )
}

const SEQUENCE_MS = 1_000

/** Keys that work everywhere but in text and dialogs: single ones, `ctrl+…`, and two after one another. */
function useShortcuts(keys: Readonly<Record<string, () => unknown>>): void {
  const latest = useLatest(keys)
  useEffect(() => {
    let before = { key: '', timeMs: 0 }
    const listen = (event: KeyboardEvent): void => {
      if (event.altKey || event.defaultPrevented) return
      const target = event.target as HTMLElement
      if (target.closest('input:not([type="checkbox"]), textarea, dialog, [role="menu"]') !== null) return
      const held = event.ctrlKey || event.metaKey ? 'ctrl+' : ''
      const key = `${held}${event.key}`
      const pair = Date.now() - before.timeMs < SEQUENCE_MS ? `${before.key} ${key}` : ''
      before = { key, timeMs: Date.now() }
      const run = latest.current[pair] ?? latest.current[key]
      if (run === undefined) return
      event.preventDefault()
      run()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [latest])
}
