/** How a file can be shown. What it is called decides only between these; none of them runs anything. */
export type PreviewKind = 'image' | 'video' | 'audio' | 'text' | 'pdf' | 'none'

const VIDEO: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/mp4',
  webm: 'video/webm',
  mkv: 'video/webm',
  ogv: 'video/ogg',
}

const AUDIO: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  wav: 'audio/wav',
}

const IMAGES = new Set(['jpg', 'jpeg', 'png', 'gif', 'webp', 'avif', 'bmp', 'svg'])
const TEXTS = new Set(
  (
    'txt md log csv tsv json xml html htm css js mjs ts tsx jsx yml yaml toml ini conf py rb go rs c h cpp hpp java sh ' +
    'sql tex rtf srt vtt'
  ).split(' '),
)

function endingOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase()
}

export function previewKind(name: string): PreviewKind {
  const ending = endingOf(name)
  if (IMAGES.has(ending)) return 'image'
  if (Object.hasOwn(VIDEO, ending)) return 'video'
  if (Object.hasOwn(AUDIO, ending)) return 'audio'
  if (ending === 'pdf') return 'pdf'
  return TEXTS.has(ending) ? 'text' : 'none'
}

/** The type that a player is told; from a list of types that only players take. */
export function mediaType(name: string): string {
  const ending = endingOf(name)
  const known = (Object.hasOwn(VIDEO, ending) ? VIDEO[ending] : undefined) ?? AUDIO[ending]
  return known ?? 'application/octet-stream'
}
