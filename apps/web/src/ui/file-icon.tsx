import {
  File,
  FileArchive,
  FileAudio,
  FileCode,
  FileImage,
  FileSpreadsheet,
  FileSymlink,
  FileText,
  FileVideo,
  Folder,
} from 'lucide-react'
import type { Row } from '../bridge/rows.ts'

interface Look {
  readonly icon: typeof File
  /** Chooses the colour. */
  readonly tone: string
}

const BY_ENDING: Readonly<Record<string, Look>> = {
  ...looks({ icon: FileImage, tone: 'image' }, 'jpg jpeg png gif webp avif heic heif svg bmp tif tiff raw dng'),
  ...looks({ icon: FileVideo, tone: 'video' }, 'mp4 mov mkv webm avi m4v'),
  ...looks({ icon: FileAudio, tone: 'audio' }, 'mp3 m4a aac flac ogg opus wav'),
  ...looks({ icon: FileText, tone: 'pdf' }, 'pdf'),
  ...looks({ icon: FileText, tone: 'text' }, 'txt md doc docx odt rtf pages tex ppt pptx odp'),
  ...looks({ icon: FileSpreadsheet, tone: 'sheet' }, 'csv xls xlsx ods tsv numbers'),
  ...looks(
    { icon: FileCode, tone: 'code' },
    'js ts tsx jsx json html css xml yml yaml py rb go rs c h cpp java sh sql',
  ),
  ...looks({ icon: FileArchive, tone: 'archive' }, 'zip tar gz tgz bz2 xz 7z rar zst'),
}

function looks(look: Look, endings: string): Record<string, Look> {
  return Object.fromEntries(endings.split(' ').map((ending) => [ending, look]))
}

export function FileIcon({ row, size = 20 }: { row: Pick<Row, 'kind' | 'name'>; size?: number }) {
  if (row.kind === 'folder') return <Folder size={size} className="folder-icon" aria-hidden="true" />
  if (row.kind === 'symlink') return <FileSymlink size={size} className="file-icon" aria-hidden="true" />
  const ending = row.name.slice(row.name.lastIndexOf('.') + 1).toLowerCase()
  const { icon: Icon, tone } = (Object.hasOwn(BY_ENDING, ending) ? BY_ENDING[ending] : undefined) ?? PLAIN
  return <Icon size={size} className={`file-icon tone-${tone}`} aria-hidden="true" />
}

const PLAIN: Look = { icon: File, tone: 'plain' }
