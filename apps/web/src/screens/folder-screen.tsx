import { useNavigate, useParams } from '@tanstack/react-router'
import { ChevronRight, FolderOpen, FolderX, LayoutGrid, List, Upload, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { nameOf, parentOf, type Row } from '../bridge/rows.ts'
import { useItemActs } from '../state/item-acts.tsx'
import { listLook, setLook } from '../state/list-look.ts'
import { useObservable } from '../state/observable.ts'
import { useSelection } from '../state/selection.ts'
import { useRows, useVault } from '../state/vault.tsx'
import { failureText, TEXT } from '../strings.ts'
import { Button, IconButton } from '../ui/controls.tsx'
import { Empty } from '../ui/empty.tsx'
import { FileGrid } from '../ui/file-grid.tsx'
import { FileTable } from '../ui/file-table.tsx'
import { ActMenu, ContextItems } from '../ui/item-menu.tsx'
import type { Sort } from '../worker/vault-api.ts'
import { usePlace } from './place.tsx'

export const ROOT_PATH = '/'

/** A folder by the id in the address; the root has none. */
export function FolderScreen() {
  const { nodeId } = useParams({ strict: false })
  const path = useFolderPath(nodeId ?? null)
  if (path === undefined) return <Loading />
  if (path === null) return <Gone />
  return <Folder key={path} path={path} />
}

function Loading() {
  return (
    <div className="loading" role="status">
      <span className="spinner" />
      {TEXT.files.loading}
    </div>
  )
}

function Gone() {
  const navigate = useNavigate()
  return (
    <Empty icon={FolderX} title={TEXT.files.gone} hint={TEXT.files.goneHint}>
      <Button look="primary" onClick={() => navigate({ to: '/files' })}>
        {TEXT.files.toRoot}
      </Button>
    </Empty>
  )
}

/** undefined until known, null when it is gone. */
function useFolderPath(nodeId: string | null): string | null | undefined {
  const { vault, revision } = useVault()
  const [found, setFound] = useState<{ nodeId: string; path: string | null } | null>(null)
  useEffect(() => {
    if (nodeId === null) return
    vault.pathOf(nodeId).then(
      (path) => setFound({ nodeId, path }),
      () => setFound({ nodeId, path: null }),
    )
  }, [vault, nodeId, revision])
  if (nodeId === null) return ROOT_PATH
  return found?.nodeId === nodeId ? found.path : undefined
}

const STORED_SORT = 'strongroom-sort'

function initialSort(): Sort {
  const [by, order] = (localStorage.getItem(STORED_SORT) ?? '').split(' ')
  return { by: by === 'size' || by === 'time' ? by : 'name', descending: order === 'descending' }
}

function Folder({ path }: { path: string }) {
  const navigate = useNavigate()
  const { vault } = useVault()
  const place = usePlace()
  const look = useObservable(listLook)
  const Listing = look === 'list' ? FileTable : FileGrid
  const [sort, setSort] = useState(initialSort)
  const key = `${path} ${sort.by} ${sort.descending}`
  const loaded = useRows(key, (from) => from.folder(path, sort))
  const { rows } = loaded
  const selection = useSelection(key, rows)

  const open = (row: Row): void => {
    if (row.kind === 'folder') void navigate({ to: '/files/$nodeId', params: { nodeId: row.id } })
    else items.downloadRows([row])
  }
  const items = useItemActs(rows, selection, open)
  const openPath = async (target: string): Promise<void> => {
    if (target === ROOT_PATH) return await navigate({ to: '/files' })
    const nodeId = await vault.idOf(target)
    if (nodeId !== null) await navigate({ to: '/files/$nodeId', params: { nodeId } })
  }
  useEffect(() => place.enter(path), [place, path])
  useEffect(() => {
    document.title = path === ROOT_PATH ? TEXT.product : `${nameOf(path)} – ${TEXT.product}`
  }, [path])
  const count = selection.ids.size

  return (
    <>
      <div className="screen-head">
        {count > 0 ? (
          <div className="selection-bar">
            <h1 className="visually-hidden">{path === ROOT_PATH ? TEXT.files.root : nameOf(path)}</h1>
            <IconButton label={TEXT.files.clear} onClick={selection.clear}>
              <X size={19} />
            </IconButton>
            <strong role="status">{TEXT.files.selected(count)}</strong>
            <div className="selection-acts">
              {items.acts.map((act) => (
                <IconButton key={act.label} label={act.label} onClick={act.run}>
                  <act.icon size={19} />
                </IconButton>
              ))}
            </div>
            <div className="selection-more">
              <ActMenu acts={items.acts} />
            </div>
          </div>
        ) : (
          <>
            <Breadcrumbs path={path} onOpen={(target) => void openPath(target)} />
            <IconButton
              label={look === 'list' ? TEXT.files.asGrid : TEXT.files.asList}
              onClick={() => setLook(look === 'list' ? 'grid' : 'list')}
            >
              {look === 'list' ? <LayoutGrid size={19} /> : <List size={19} />}
            </IconButton>
          </>
        )}
      </div>
      {loaded.state === 'failed' && loaded.code !== 'integrity' && (
        <p className="notice" role="alert">
          {failureText({ code: loaded.code })}
        </p>
      )}
      {loaded.state === 'loading' && rows.count === 0 && <Loading />}
      {loaded.state === 'ready' && rows.count === 0 && (
        <Empty icon={FolderOpen} title={TEXT.files.empty} hint={TEXT.files.emptyHint}>
          <Button look="primary" onClick={place.chooseFiles}>
            <Upload size={18} />
            {TEXT.files.uploadFiles}
          </Button>
        </Empty>
      )}
      {rows.count > 0 && (
        <Listing
          rows={rows}
          selection={selection}
          sort={{
            value: sort,
            set(next) {
              localStorage.setItem(STORED_SORT, `${next.by} ${next.descending ? 'descending' : 'ascending'}`)
              setSort(next)
            },
          }}
          onOpen={open}
          onRename={items.rename}
          onDelete={items.trash}
          onUp={path === ROOT_PATH ? undefined : () => void openPath(parentOf(path))}
          onMoveInto={(folder) => items.moveInto(folder.path)}
          menu={() => <ContextItems acts={items.acts} />}
        />
      )}
      {items.dialog}
    </>
  )
}

function Breadcrumbs({ path, onOpen }: { path: string; onOpen: (path: string) => void }) {
  const names = path === ROOT_PATH ? [] : path.slice(1).split('/')
  const crumbs = names.map((name, index) => ({ name, path: `/${names.slice(0, index + 1).join('/')}` }))
  return (
    <nav className="breadcrumbs" aria-label={TEXT.files.path}>
      <ol>
        {[{ name: TEXT.files.root, path: ROOT_PATH }, ...crumbs].map((crumb, index) => (
          <li key={crumb.path}>
            {index > 0 && <ChevronRight size={17} aria-hidden="true" />}
            {crumb.path === path ? (
              <h1 aria-current="page">
                <bdi>{crumb.name}</bdi>
              </h1>
            ) : (
              <button type="button" className="crumb" onClick={() => onOpen(crumb.path)}>
                <bdi>{crumb.name}</bdi>
              </button>
            )}
          </li>
        ))}
      </ol>
    </nav>
  )
}
