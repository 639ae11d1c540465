import { useEffect, useState } from 'react'
import { openMedia } from '../../bridge/media.ts'
import { mediaType } from '../../preview-kind.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import type { ViewProps } from './preview-file.ts'
import { Waiting } from './waiting.tsx'

/** A film or a sound, of which only what is played is fetched. */
export function MediaView({ file, kind, fallback }: ViewProps & { kind: 'video' | 'audio' }) {
  const { vault, stop } = useVault()
  const [url, setUrl] = useState<string | null>(null)
  const [failed, setFailed] = useState(false)
  const { path, name, size, version } = file
  useEffect(() => {
    if (navigator.serviceWorker.controller === null) return setFailed(true)
    const opened = openMedia(vault, { path, size, version, contentType: mediaType(name), onFailure: stop })
    setUrl(opened.url)
    return opened.close
  }, [vault, stop, path, name, size, version])
  if (failed) return fallback(TEXT.preview.notPlayed)
  if (url === null) return <Waiting />
  const common = { src: url, controls: true, autoPlay: true, onError: () => setFailed(true), 'aria-label': name }
  return kind === 'video' ? <video className="preview-video" playsInline {...common} /> : <audio {...common} />
}
