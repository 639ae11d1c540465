import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import {
  Clock,
  FolderPlus,
  FolderUp,
  HardDrive,
  LogOut,
  Menu,
  Monitor,
  Moon,
  Plus,
  Search,
  ShieldCheck,
  Star,
  Sun,
  Trash2,
  Upload,
  UserRound,
  X,
} from 'lucide-react'
import { type DragEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { nameOf } from '../bridge/rows.ts'
import { formatBytes } from '../format.ts'
import { useObservable } from '../state/observable.ts'
import { searchText } from '../state/search.ts'
import { setTheme, theme } from '../state/theme.ts'
import { droppedFiles, pickedFiles, useUploadRequests } from '../state/upload-request.tsx'
import { useAction, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Brand, IconButton } from '../ui/controls.tsx'
import { ShortcutsDialog } from '../ui/dialogs.tsx'
import { ActMenu } from '../ui/item-menu.tsx'
import { ProgressBar } from '../ui/progress-bar.tsx'
import { Toasts } from '../ui/toasts.tsx'
import { TransfersPanel } from '../ui/transfers-panel.tsx'
import type { AccountSummary } from '../worker/vault-api.ts'
import { PlaceContext } from './place.tsx'

/** Everything around the screens: navigation, search, uploads, drops and shortcuts. */
export function Shell() {
  const [folder, setFolder] = useState('/')
  const [navOpen, setNavOpen] = useState(false)
  const [helping, setHelping] = useState(false)
  const requests = useUploadRequests()
  const act = useAction()
  const files = useRef<HTMLInputElement>(null)
  const folders = useRef<HTMLInputElement>(null)
  const search = useRef<HTMLInputElement>(null)
  const place = useMemo(() => ({ enter: setFolder, chooseFiles: () => files.current?.click() }), [])
  const path = useRouterState({ select: (state) => state.location.pathname })
  useEffect(() => {
    setNavOpen(path === '')
  }, [path])
  useShortcuts({
    '/': () => search.current?.focus(),
    n: () => requests.makeFolder(folder),
    u: () => files.current?.click(),
    '?': () => setHelping(true),
  })
  const newActs = [
    { label: TEXT.files.newFolder, icon: FolderPlus, run: () => requests.makeFolder(folder) },
    { label: TEXT.files.uploadFiles, icon: Upload, run: () => files.current?.click(), apart: true },
    { label: TEXT.files.uploadFolder, icon: FolderUp, run: () => folders.current?.click() },
  ]
  return (
    <PlaceContext value={place}>
      <DropZone
        folder={folder}
        onDrop={(transfer) => {
          const dropped = droppedFiles(transfer)
          act(async () => requests.send(folder, await dropped))
        }}
      >
        <aside className={`sidebar ${navOpen ? 'sidebar-open' : ''}`} aria-label={TEXT.nav.sidebar}>
          <div className="sidebar-head">
            <Brand />
            <IconButton className="only-narrow" label={TEXT.nav.close} onClick={() => setNavOpen(false)}>
              <X size={20} />
            </IconButton>
          </div>
          <ActMenu
            acts={newActs}
            trigger={
              <button type="button" className="button button-primary new-button">
                <Plus size={19} />
                {TEXT.files.new}
              </button>
            }
          />
          <nav aria-label={TEXT.nav.main}>
            <NavLink to="/files" icon={<HardDrive size={19} />} label={TEXT.nav.files} />
            <NavLink to="/recent" icon={<Clock size={19} />} label={TEXT.nav.recent} />
            <NavLink to="/favourites" icon={<Star size={19} />} label={TEXT.nav.favourites} />
            <NavLink to="/trash" icon={<Trash2 size={19} />} label={TEXT.nav.trash} />
            <NavLink to="/security" icon={<ShieldCheck size={19} />} label={TEXT.nav.security} />
          </nav>
          <Storage />
        </aside>
        {navOpen && (
          <button type="button" className="scrim" aria-label={TEXT.nav.close} onClick={() => setNavOpen(false)} />
        )}
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
            <AccountMenu />
          </header>
          <main className="screen">
            <Outlet />
            <div id="menus" />
          </main>
        </div>
        <TransfersPanel />
        <Toasts />
        <input
          ref={files}
          type="file"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            requests.send(folder, pickedFiles(currentTarget.files))
            currentTarget.value = ''
          }}
        />
        <input
          ref={(input) => {
            folders.current = input
            if (input !== null) input.webkitdirectory = true
          }}
          type="file"
          hidden
          onChange={({ currentTarget }) => {
            requests.send(folder, pickedFiles(currentTarget.files))
            currentTarget.value = ''
          }}
        />
        {requests.dialog}
        {helping && <ShortcutsDialog onClose={() => setHelping(false)} />}
      </DropZone>
    </PlaceContext>
  )
}

function NavLink({ to, icon, label }: { to: string; icon: ReactNode; label: string }) {
  return (
    <Link to={to} className="nav-link" activeProps={{ className: 'nav-link nav-link-active', 'aria-current': 'page' }}>
      {icon}
      {label}
    </Link>
  )
}

function Storage() {
  const { vault, revision } = useVault()
  const [account, setAccount] = useState<AccountSummary | null>(null)
  useEffect(() => {
    vault.account().then(setAccount, () => undefined)
  }, [vault, revision])
  if (account === null) return <div className="storage" />
  return (
    <div className="storage">
      <ProgressBar
        value={account.quotaBytes === 0 ? 1 : account.usedBytes / account.quotaBytes}
        label={TEXT.nav.storage}
      />
      <p>{TEXT.nav.used(formatBytes(account.usedBytes), formatBytes(account.quotaBytes))}</p>
    </div>
  )
}

const SEARCH_WAIT_MS = 60

function SearchBox({ box }: { box: React.RefObject<HTMLInputElement | null> }) {
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const path = useRouterState({ select: (state) => state.location.pathname })
  useEffect(() => {
    if (path !== '/search') setText('')
  }, [path])
  useEffect(() => {
    if (text === '') return
    const timer = setTimeout(() => {
      searchText.set(text)
      if (path !== '/search') void navigate({ to: '/search' })
    }, SEARCH_WAIT_MS)
    return () => clearTimeout(timer)
  }, [text, path, navigate])
  const clear = (): void => {
    setText('')
    if (path === '/search') void navigate({ to: '/files' })
  }
  return (
    <search className="search">
      <Search size={18} aria-hidden="true" />
      <input
        ref={box}
        type="search"
        aria-label={TEXT.files.search}
        placeholder={TEXT.files.search}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => (event.target.value === '' ? clear() : setText(event.target.value))}
        onKeyDown={(event) => {
          if (event.key === 'Escape') clear()
        }}
      />
    </search>
  )
}

function AccountMenu() {
  const { account, signOut } = useVault()
  const chosen = useObservable(theme)
  const icons = { system: Monitor, light: Sun, dark: Moon } as const
  const next = { system: 'light', light: 'dark', dark: 'system' } as const
  return (
    <ActMenu
      label={TEXT.nav.account}
      acts={[
        {
          label: `${TEXT.nav.theme}: ${TEXT.nav.themes[chosen]}`,
          icon: icons[chosen],
          run: () => setTheme(next[chosen]),
        },
        { label: TEXT.nav.signOut, icon: LogOut, run: signOut, apart: true },
      ]}
      trigger={
        <button type="button" className="account-button" aria-label={`${TEXT.nav.account}: ${account.login}`}>
          <UserRound size={18} aria-hidden="true" />
          <span>{account.login}</span>
        </button>
      }
    />
  )
}

interface DropZoneProps {
  readonly folder: string
  readonly onDrop: (transfer: DataTransfer) => void
  readonly children: ReactNode
}

/** Takes files dropped anywhere. */
function DropZone({ folder, onDrop, children }: DropZoneProps) {
  const [depth, setDepth] = useState(0)
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer.types.includes('Files')
  return (
    <div
      className="shell"
      onDragEnter={(event) => hasFiles(event) && setDepth((now) => now + 1)}
      onDragLeave={(event) => hasFiles(event) && setDepth((now) => Math.max(0, now - 1))}
      onDragOver={(event) => {
        if (hasFiles(event)) event.preventDefault()
      }}
      onDrop={(event) => {
        setDepth(0)
        if (!hasFiles(event)) return
        event.preventDefault()
        onDrop(event.dataTransfer)
      }}
    >
      {children}
      {depth > 0 && (
        <div className="drop-veil">
          <Upload size={30} aria-hidden="true" />
          {TEXT.files.drop(folder === '/' ? TEXT.files.root : nameOf(folder))}
        </div>
      )}
    </div>
  )
}

/** Keys that work everywhere but in text and dialogs. */
function useShortcuts(keys: Readonly<Record<string, () => void>>): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      const target = event.target as HTMLElement
      if (target.closest('input, textarea, dialog, [role="menu"]') !== null) return
      const run = latest.current[event.key]
      if (run === undefined) return
      event.preventDefault()
      run()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [])
}
