import { TEXT } from '../strings.ts'

const TYPES = TEXT.details.types

const BY_ENDING: Readonly<Record<string, string>> = {
  ...kind(TYPES.image, 'jpg jpeg png gif webp avif heic heif svg bmp tif tiff raw dng'),
  ...kind(TYPES.video, 'mp4 mov mkv webm avi m4v'),
  ...kind(TYPES.audio, 'mp3 m4a aac flac ogg opus wav'),
  ...kind(TYPES.pdf, 'pdf'),
  ...kind(TYPES.text, 'txt md tex log'),
  ...kind(TYPES.document, 'doc docx odt rtf pages'),
  ...kind(TYPES.table, 'csv xls xlsx ods tsv numbers'),
  ...kind(TYPES.slides, 'ppt pptx odp key'),
  ...kind(TYPES.code, 'js ts tsx jsx json html css xml yml yaml py rb go rs c h cpp java sh sql'),
  ...kind(TYPES.archive, 'zip tar gz tgz bz2 xz 7z rar zst'),
}

function kind(name: string, endings: string): Record<string, string> {
  return Object.fromEntries(endings.split(' ').map((ending) => [ending, name]))
}

/** What an entry is, by its kind and the ending of its name: the server is told no types. */
export function typeOf({ kind: of, name }: { kind: 'file' | 'folder' | 'symlink'; name: string }): string {
  if (of === 'folder') return TEXT.files.folder
  if (of === 'symlink') return TYPES.symlink
  const dot = name.lastIndexOf('.')
  const ending = dot > 0 ? name.slice(dot + 1) : ''
  const known = Object.hasOwn(BY_ENDING, ending.toLowerCase()) ? BY_ENDING[ending.toLowerCase()] : undefined
  if (ending === '' || ending.length > 8) return TYPES.file
  return known === undefined ? TYPES.other(ending.toUpperCase()) : `${known} (${ending.toUpperCase()})`
}
