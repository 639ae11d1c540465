import { useEffect, useRef, useState } from 'react'

const SPEED_MS = 1_000

/** Bytes a second over the last seconds; 0 until known. */
export function useSpeed(sent: number, running: boolean): number {
  const [speed, setSpeed] = useState(0)
  const latest = useRef(sent)
  latest.current = sent
  useEffect(() => {
    if (!running) {
      setSpeed(0)
      return
    }
    let before = latest.current
    let smooth = 0
    const timer = setInterval(() => {
      const now = latest.current - before
      before = latest.current
      smooth = smooth === 0 ? now : smooth * 0.7 + now * 0.3
      setSpeed(Math.max(0, smooth))
    }, SPEED_MS)
    return () => clearInterval(timer)
  }, [running])
  return speed
}
