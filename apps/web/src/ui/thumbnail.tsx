import type { Row } from '../bridge/rows.ts'
import { previewKind } from '../preview-kind.ts'
import { rejectThumbnail, useThumbnail } from '../state/thumbnails.ts'
import { FileIcon } from './file-icon.tsx'

const PICTURED: readonly string[] = ['image', 'video', 'pdf']

/** A small picture of what a file holds, or its icon. */
export function Thumbnail({ row, size }: { row: Pick<Row, 'id' | 'kind' | 'name'>; size?: number }) {
  const isPictured = row.kind === 'file' && PICTURED.includes(previewKind(row.name))
  const url = useThumbnail(isPictured ? row.id : null)
  if (url === null) return size === undefined ? <FileIcon row={row} /> : <FileIcon row={row} size={size} />
  return (
    <img
      className="thumbnail"
      src={url}
      alt=""
      decoding="async"
      draggable={false}
      onError={() => rejectThumbnail(row.id)}
      onLoad={({ currentTarget: image }) => {
        // Reason: a browser that has read a picture's head calls it loaded, whatever follows; who looks elsewhere meanwhile
        // has not seen whether it can be drawn.
        image.decode().catch(() => image.isConnected && image.src === url && rejectThumbnail(row.id))
      }}
    />
  )
}
