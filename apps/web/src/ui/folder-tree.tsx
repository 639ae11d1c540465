import { ChevronRight, Folder, FolderOpen, HardDrive } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { parentOf } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import type { FolderRow } from '../worker/vault-api.ts'

const ROOT: FolderRow = { nodeId: 'root', path: '/', name: TEXT.files.root, hasFolders: true }

interface TreeProps {
  readonly label: string
  /** Path of a folder. */
  readonly selected: string
  /** Folders that are left out, with all below them. */
  readonly refused: ReadonlySet<string>
  readonly onSelect: (path: string) => void
}

interface Line {
  readonly folder: FolderRow
  readonly depth: number
}

/** All folders as a tree, of which each level is read when it is opened. */
export function FolderTree({ label, selected, refused, onSelect }: TreeProps) {
  const { vault, revision } = useVault()
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(aboveOf(selected)))
  const [below, setBelow] = useState<ReadonlyMap<string, readonly FolderRow[]>>(new Map())
  const treeId = useId()
  const active = useRef<HTMLLIElement>(null)
  const shown = [...new Set([...open, ...aboveOf(selected)])].sort().join('\n')
  useEffect(() => {
    let current = true
    const paths = shown.split('\n')
    void Promise.all(paths.map(async (path) => [path, await vault.subfolders(path)] as const)).then(
      (found) => current && setBelow(new Map(found)),
      () => undefined,
    )
    return () => {
      current = false
    }
  }, [vault, revision, shown])
  useEffect(() => {
    if (below.size > 0 && selected !== '') active.current?.scrollIntoView({ block: 'nearest' })
  }, [selected, below])

  const lines: Line[] = []
  const isOpen = (path: string): boolean => open.has(path)
  const visit = (folder: FolderRow, depth: number): void => {
    lines.push({ folder, depth })
    if (!isOpen(folder.path)) return
    for (const child of below.get(folder.path) ?? []) if (!refused.has(child.path)) visit(child, depth + 1)
  }
  visit(ROOT, 0)
  const toggle = (path: string, wanted: boolean): void => {
    const next = new Set(open)
    if (wanted) next.add(path)
    else next.delete(path)
    setOpen(next)
  }
  const index = lines.findIndex(({ folder }) => folder.path === selected)
  const step = (by: number): void => {
    const next = lines[Math.max(0, Math.min(lines.length - 1, index + by))]
    if (next !== undefined) onSelect(next.folder.path)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const opened = isOpen(selected)
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      Home: -lines.length,
      End: lines.length,
      ...(opened ? { ArrowRight: 1 } : {}),
    }
    const by = steps[event.key]
    if (by !== undefined) step(by)
    else if (event.key === 'ArrowRight') toggle(selected, true)
    else if (event.key === 'ArrowLeft' && opened) toggle(selected, false)
    else if (event.key === 'ArrowLeft' && selected !== '/') onSelect(parentOf(selected))
    else return
    event.preventDefault()
  }
  return (
    <ul
      className="picker"
      role="tree"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={index >= 0 ? `${treeId}-${lines[index]?.folder.nodeId}` : undefined}
      onKeyDown={onKeyDown}
    >
      {lines.map(({ folder, depth }) => {
        const Icon = folder.path === '/' ? HardDrive : isOpen(folder.path) ? FolderOpen : Folder
        const isSelected = folder.path === selected
        return (
          <li
            key={folder.path}
            id={`${treeId}-${folder.nodeId}`}
            ref={isSelected ? active : null}
            role="treeitem"
            aria-level={depth + 1}
            aria-selected={isSelected}
            aria-expanded={folder.hasFolders ? isOpen(folder.path) : undefined}
            className={`picker-row ${isSelected ? 'picker-selected' : ''}`}
            style={{ paddingInlineStart: 8 + Math.min(depth, 12) * 20 }}
            onClick={() => onSelect(folder.path)}
            onDoubleClick={() => toggle(folder.path, !isOpen(folder.path))}
          >
            <span
              className={`picker-twist ${isOpen(folder.path) ? 'picker-open' : ''}`}
              aria-hidden="true"
              onClick={(event) => {
                event.stopPropagation()
                toggle(folder.path, !isOpen(folder.path))
              }}
            >
              {folder.hasFolders && <ChevronRight size={16} />}
            </span>
            <Icon size={19} className={folder.path === '/' ? '' : 'folder-icon'} aria-hidden="true" />
            <bdi>{shownName(folder.name)}</bdi>
          </li>
        )
      })}
    </ul>
  )
}

/** A folder and all above it, the root first. */
function aboveOf(path: string): string[] {
  const found: string[] = []
  for (let at = path; at !== '/'; at = parentOf(at)) found.unshift(at)
  return ['/', ...found]
}
