import { useNavigate, useParams } from '@tanstack/react-router'
import { FolderOpen, FolderX, Upload } from 'lucide-react'
import { useEffect, useState } from 'react'
import { nameOf } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { SORTS } from '../state/list-look.ts'
import { useObservable } from '../state/observable.ts'
import { useSelection } from '../state/selection.ts'
import { useRows, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import { Empty } from '../ui/empty.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { Breadcrumbs } from './breadcrumbs.tsx'
import { ItemScreen, useOpen } from './item-screen.tsx'
import { usePlace } from './place.tsx'

const ROOT_PATH = '/'

/** A folder by the id in the address; the root has none. */
export function FolderScreen() {
  const { nodeId } = useParams({ strict: false })
  const path = useFolderPath(nodeId ?? null)
  if (path === undefined) return <Skeleton />
  if (path === null) return <Gone />
  return <Folder key={nodeId ?? ROOT_PATH} path={path} />
}

function Gone() {
  const navigate = useNavigate()
  return (
    <Empty icon={FolderX} title={TEXT.files.gone} hint={TEXT.files.goneHint} level={1}>
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

function Folder({ path }: { path: string }) {
  const place = usePlace()
  const open = useOpen()
  const sort = useObservable(SORTS.folder.sort)
  const key = `${path} ${sort.by} ${sort.descending}`
  const loaded = useRows(key, (from) => from.folder(path, sort))
  const selection = useSelection(path, loaded.rows)
  useEffect(() => place.enter(path), [place, path])
  useEffect(() => {
    document.title = path === ROOT_PATH ? TEXT.product : `${shownName(nameOf(path))} – ${TEXT.product}`
  }, [path])
  return (
    <ItemScreen
      head={<Breadcrumbs path={path} onOpen={open.folder} />}
      loaded={loaded}
      selection={selection}
      sorts={SORTS.folder}
      folder={path}
      empty={
        <Empty icon={FolderOpen} title={TEXT.files.empty} hint={TEXT.files.emptyHint}>
          <Button look="primary" onClick={place.chooseFiles}>
            <Upload size={18} />
            {TEXT.files.uploadFiles}
          </Button>
          <Button onClick={place.newFolder}>{TEXT.files.newFolder}</Button>
        </Empty>
      }
    />
  )
}
