import { useEffect, useRef, useState } from 'react'
import { openMedia } from '../../bridge/media.ts'
import { serviceWorker } from '../../bridge/service-worker.ts'
import { mediaType } from '../../preview-kind.ts'
import { useVault } from '../../state/vault.tsx'
import { TEXT } from '../../strings.ts'
import type { ViewProps } from './preview-file.ts'
import { Waiting } from './waiting.tsx'

/** A film or a sound, of which only what is played is fetched. */
export function MediaView({ file, kind, fallback }: ViewProps & { kind: 'video' | 'audio' }) {
  const { vault, stop } = useVault()
  const [url, setUrl] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const { path, name, size, version } = file
  useEffect(() => {
    let left = false
    let close = (): void => undefined
    void serviceWorker().then((worker) => {
      if (left) return
      if (worker === null) return setProblem(TEXT.preview.notPlayed)
      const opened = openMedia(vault, { path, size, version, contentType: mediaType(name), onFailure: stop })
      close = opened.close
      setUrl(opened.url)
    })
    return () => {
      left = true
      close()
    }
  }, [vault, stop, path, name, size, version])
  if (problem !== null) return fallback(problem)
  return url === null ? <Waiting /> : <Player url={url} name={name} kind={kind} onProblem={setProblem} />
}

interface PlayerProps {
  readonly url: string
  readonly name: string
  readonly kind: 'video' | 'audio'
  readonly onProblem: (text: string) => void
}

function Player({ url, name, kind, onProblem }: PlayerProps) {
  const ref = useRef<HTMLVideoElement & HTMLAudioElement>(null)
  useEffect(() => {
    const player = ref.current
    return () => {
      // Reason: a player that has left the page goes on fetching until it is collected.
      player?.pause()
      player?.removeAttribute('src')
      player?.load()
    }
  }, [])
  const onError = (): void => {
    const broken = ref.current?.error?.code === MediaError.MEDIA_ERR_NETWORK
    onProblem(broken ? TEXT.preview.brokeOff : TEXT.preview.notPlayed)
  }
  const common = { ref, src: url, controls: true, autoPlay: true, onError, 'aria-label': name }
  return kind === 'video' ? <video className="preview-video" playsInline {...common} /> : <audio {...common} />
}
