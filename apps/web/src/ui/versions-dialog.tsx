import { Download, Eye, RotateCcw } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { Row } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, shownName } from '../format.ts'
import { showToast } from '../state/toasts.ts'
import { useExplanation, useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import type { VersionRow } from '../worker/vault-api.ts'
import { IconButton } from './controls.tsx'
import { Dialog } from './dialog.tsx'
import { Notice } from './notice.tsx'
import { useLatest } from './use-latest.ts'

interface VersionsProps {
  readonly row: Row
  readonly onClose: () => void
  readonly onDownload: (versionId: string) => void
  readonly onShow: (version: VersionRow) => void
}

export function VersionsDialog({ row, onClose, onDownload, onShow }: VersionsProps) {
  const { vault, revision } = useVault()
  const [versions, setVersions] = useState<readonly VersionRow[] | null>(null)
  const [error, setError] = useState<string | null>(null)
  const explain = useLatest(useExplanation())
  useEffect(() => {
    vault.versions(row.path).then(
      (found) => {
        setVersions(found)
        setError(null)
      },
      (cause: unknown) => setError(explain.current(cause)),
    )
  }, [vault, row.path, revision, explain])
  const restore = (versionId: string): void => {
    vault.restoreVersion(row.path, versionId).then(
      () => showToast(TEXT.versions.restored),
      (cause: unknown) => setError(explain.current(cause)),
    )
  }
  return (
    <Dialog title={`${TEXT.versions.title}: ${shownName(row.name)}`} onClose={onClose}>
      <Notice text={error} />
      <p className="field-hint">{TEXT.versions.hint}</p>
      <ul className="versions" aria-busy={versions === null}>
        {versions?.map((version) => (
          <li key={version.versionId} className="version">
            <div>
              <p className="version-when">
                <strong>{formatFullTime(version.storedMs)}</strong>
                {version.current && <span className="badge">{TEXT.versions.current}</span>}
              </p>
              <p className="field-hint">{TEXT.versions.stored(formatBytes(version.size), version.deviceName)}</p>
            </div>
            {!version.current && (
              <IconButton label={TEXT.versions.restore} onClick={() => restore(version.versionId)}>
                <RotateCcw size={18} />
              </IconButton>
            )}
            <IconButton label={TEXT.preview.show} onClick={() => onShow(version)}>
              <Eye size={18} />
            </IconButton>
            <IconButton label={TEXT.versions.download} onClick={() => onDownload(version.versionId)}>
              <Download size={18} />
            </IconButton>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
