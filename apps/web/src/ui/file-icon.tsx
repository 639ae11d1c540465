import {
  File,
  FileArchive,
  FileAudio,
  FileCode,
  FileImage,
  FileSymlink,
  FileText,
  FileVideo,
  Folder,
} from 'lucide-react'
import type { Row } from '../bridge/rows.ts'

const BY_ENDING: Readonly<Record<string, typeof File>> = {
  ...icons(FileImage, 'jpg jpeg png gif webp avif heic heif svg bmp tif tiff raw dng'),
  ...icons(FileVideo, 'mp4 mov mkv webm avi m4v'),
  ...icons(FileAudio, 'mp3 m4a aac flac ogg opus wav'),
  ...icons(FileText, 'txt md pdf doc docx odt rtf pages csv xls xlsx ods ppt pptx odp tex'),
  ...icons(FileCode, 'js ts tsx jsx json html css xml yml yaml py rb go rs c h cpp java sh sql'),
  ...icons(FileArchive, 'zip tar gz tgz bz2 xz 7z rar zst'),
}

function icons(icon: typeof File, endings: string): Record<string, typeof File> {
  return Object.fromEntries(endings.split(' ').map((ending) => [ending, icon]))
}

export function FileIcon({ row, size = 20 }: { row: Pick<Row, 'kind' | 'name'>; size?: number }) {
  if (row.kind === 'folder') return <Folder size={size} className="folder-icon" aria-hidden="true" />
  if (row.kind === 'symlink') return <FileSymlink size={size} className="file-icon" aria-hidden="true" />
  const ending = row.name.slice(row.name.lastIndexOf('.') + 1).toLowerCase()
  const Icon = BY_ENDING[ending] ?? File
  return <Icon size={size} className="file-icon" aria-hidden="true" />
}
