import { Link } from '@tanstack/react-router'
import { Clock, FolderPlus, FolderUp, HardDrive, Plus, ShieldCheck, Star, Trash2, Upload, X } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { formatBytes } from '../format.ts'
import type { Dragged } from '../state/dragging.ts'
import { useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Brand, IconButton } from '../ui/controls.tsx'
import { useDropTarget } from '../ui/drop-target.ts'
import { type Act, ActMenu } from '../ui/item-menu.tsx'
import { ProgressBar } from '../ui/progress-bar.tsx'
import type { AccountSummary } from '../worker/vault-api.ts'
import { usePlace } from './place.tsx'

interface SidebarProps {
  /** On narrow screens, where it covers the rest. */
  readonly isOpen: boolean
  readonly onClose: () => void
}

/** The places of the drive; what is dragged can be dropped onto some. */
export function Sidebar({ isOpen, onClose }: SidebarProps) {
  useEffect(() => {
    if (!isOpen) return
    const listen = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') onClose()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [isOpen, onClose])
  const newActs = useNewActs()
  return (
    <>
      <aside className={`sidebar ${isOpen ? 'sidebar-open' : ''}`} aria-label={TEXT.nav.sidebar}>
        <div className="sidebar-head">
          <Brand />
          <IconButton className="only-narrow" label={TEXT.nav.close} onClick={onClose}>
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
          <NavLink
            to="/files"
            icon={<HardDrive size={19} />}
            label={TEXT.nav.files}
            onDrop={(what, copy) => (copy ? what.copyInto('/') : what.moveInto('/'))}
          />
          <NavLink to="/recent" icon={<Clock size={19} />} label={TEXT.nav.recent} />
          <NavLink
            to="/favourites"
            icon={<Star size={19} />}
            label={TEXT.nav.favourites}
            onDrop={(what) => what.mark()}
          />
          <NavLink to="/trash" icon={<Trash2 size={19} />} label={TEXT.nav.trash} onDrop={(what) => what.trash()} />
          <NavLink to="/security" icon={<ShieldCheck size={19} />} label={TEXT.nav.security} />
        </nav>
        <Storage />
      </aside>
      {isOpen && <button type="button" className="scrim" aria-label={TEXT.nav.close} tabIndex={-1} onClick={onClose} />}
    </>
  )
}

/** What can be made in the folder in view. */
export function useNewActs(): readonly Act[] {
  const place = usePlace()
  return [
    { label: TEXT.files.newFolder, icon: FolderPlus, run: place.newFolder, keys: 'N' },
    { label: TEXT.files.uploadFiles, icon: Upload, run: place.chooseFiles, apart: true, keys: 'U' },
    { label: TEXT.files.uploadFolder, icon: FolderUp, run: place.chooseFolder },
  ]
}

interface NavLinkProps {
  readonly to: string
  readonly icon: ReactNode
  readonly label: string
  readonly onDrop?: (what: Dragged, copy: boolean) => void
}

function NavLink({ to, icon, label, onDrop }: NavLinkProps) {
  const target = useDropTarget(onDrop ?? null)
  return (
    <Link
      to={to}
      className="nav-link"
      draggable={false}
      activeProps={{ className: 'nav-link nav-link-active', 'aria-current': 'page' }}
      {...target}
    >
      {icon}
      {label}
    </Link>
  )
}

/** Share of the quota from which on it is said that room runs out. */
const NEARLY_FULL = 0.9

function Storage() {
  const { vault, revision } = useVault()
  const [account, setAccount] = useState<AccountSummary | null>(null)
  useEffect(() => {
    vault.account().then(setAccount, () => undefined)
  }, [vault, revision])
  if (account === null) return <div className="storage" />
  const share = account.quotaBytes === 0 ? 1 : account.usedBytes / account.quotaBytes
  return (
    <div className={`storage ${share >= NEARLY_FULL ? 'storage-full' : ''}`}>
      <ProgressBar value={share} label={TEXT.nav.storage} />
      <p>{TEXT.nav.used(formatBytes(account.usedBytes), formatBytes(account.quotaBytes))}</p>
      {share >= NEARLY_FULL && <p>{share >= 1 ? TEXT.nav.full : TEXT.nav.nearlyFull}</p>}
    </div>
  )
}
