import { ChevronLeft, ChevronRight, Ellipsis, Folder } from 'lucide-react'
import { shownName } from '../format.ts'
import { TEXT } from '../strings.ts'
import { IconButton } from '../ui/controls.tsx'
import { useDropTarget } from '../ui/drop-target.ts'
import { ActMenu } from '../ui/item-menu.tsx'
import { useNarrow } from '../ui/use-narrow.ts'

/** Folders shown between the root and the current one; the rest is behind a menu. */
const MOST_SHOWN = 2

interface Crumb {
  readonly name: string
  readonly path: string
}

interface BreadcrumbsProps {
  readonly path: string
  readonly onOpen: (path: string) => void
}

/** The way from the root to a folder; what is dragged can be dropped onto each step. */
export function Breadcrumbs({ path, onOpen }: BreadcrumbsProps) {
  const names = path === '/' ? [] : path.slice(1).split('/')
  const crumbs: Crumb[] = [
    { name: TEXT.files.root, path: '/' },
    ...names.map((name, index) => ({ name, path: `/${names.slice(0, index + 1).join('/')}` })),
  ]
  const current = crumbs.pop()
  const above = crumbs.at(-1)
  // Narrow screens have room for the name of the folder alone, and a step up.
  const isNarrow = useNarrow()
  const [root, between] = isNarrow ? [undefined, []] : [crumbs[0], crumbs.slice(1)]
  const hidden = between.slice(0, Math.max(0, between.length - MOST_SHOWN))
  const shown = between.slice(hidden.length)
  return (
    <nav className="breadcrumbs" aria-label={TEXT.files.path}>
      <ol>
        {isNarrow && above !== undefined && (
          <li className="crumb-up">
            <IconButton label={TEXT.files.up(shownName(above.name))} onClick={() => onOpen(above.path)}>
              <ChevronLeft size={22} />
            </IconButton>
          </li>
        )}
        {root !== undefined && <Step crumb={root} onOpen={onOpen} />}
        {hidden.length > 0 && (
          <li>
            <ActMenu
              acts={hidden.map((crumb) => ({
                label: shownName(crumb.name),
                icon: Folder,
                run: () => onOpen(crumb.path),
              }))}
              trigger={
                <button type="button" className="crumb" aria-label={TEXT.files.morePath} title={TEXT.files.morePath}>
                  <Ellipsis size={18} aria-hidden="true" />
                </button>
              }
            />
            <ChevronRight size={17} aria-hidden="true" />
          </li>
        )}
        {shown.map((crumb) => (
          <Step key={crumb.path} crumb={crumb} onOpen={onOpen} />
        ))}
        {current !== undefined && (
          <li className="crumb-current">
            <h1 aria-current="page" title={shownName(current.name)}>
              <bdi>{shownName(current.name)}</bdi>
            </h1>
          </li>
        )}
      </ol>
    </nav>
  )
}

function Step({ crumb, onOpen }: { crumb: Crumb; onOpen: (path: string) => void }) {
  const target = useDropTarget((what, copy) => (copy ? what.copyInto(crumb.path) : what.moveInto(crumb.path)))
  return (
    <li>
      <button
        type="button"
        className="crumb"
        title={shownName(crumb.name)}
        onClick={() => onOpen(crumb.path)}
        {...target}
      >
        <bdi>{shownName(crumb.name)}</bdi>
      </button>
      <ChevronRight size={17} aria-hidden="true" />
    </li>
  )
}
