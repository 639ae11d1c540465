import { Download } from 'lucide-react'
import { TEXT } from '../../strings.ts'
import { Button } from '../controls.tsx'
import { FileIcon } from '../file-icon.tsx'

/** For what cannot be shown. */
export function NoPreview({ name, text, onDownload }: { name: string; text: string; onDownload: () => void }) {
  return (
    <div className="preview-none">
      <FileIcon row={{ kind: 'file', name }} size={72} />
      <p>{text}</p>
      <Button look="primary" onClick={onDownload}>
        <Download size={18} />
        {TEXT.files.download}
      </Button>
    </div>
  )
}
