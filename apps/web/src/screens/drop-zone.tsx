import { Upload } from 'lucide-react'
import { type DragEvent, type ReactNode, useState } from 'react'
import { nameOf } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { TEXT } from '../strings.ts'

interface DropZoneProps {
  readonly folder: string
  readonly onDrop: (transfer: DataTransfer) => void
  readonly children: ReactNode
}

/** Takes files dropped anywhere. */
export function DropZone({ folder, onDrop, children }: DropZoneProps) {
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
        <div className="drop-veil" role="status">
          <Upload size={30} aria-hidden="true" />
          {TEXT.files.drop(folder === '/' ? TEXT.files.root : shownName(nameOf(folder)))}
        </div>
      )}
    </div>
  )
}
