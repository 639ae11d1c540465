import { useEffect, useRef } from 'react'
import { observable, useObservable } from './observable.ts'

/** Minutes without use after which the tab forgets its keys, or never. */
export type LockAfter = '15' | '60' | '480' | 'never'

export const LOCK_CHOICES: readonly LockAfter[] = ['15', '60', '480', 'never']
const KEY = 'strongroom-lock'
/** When any tab was used last: one that locks locks all. */
const USED = 'strongroom-used'
const DEFAULT: LockAfter = '60'
const CHECK_MS = 10_000
const USE = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const

function stored(): LockAfter {
  const value = localStorage.getItem(KEY)
  return LOCK_CHOICES.find((choice) => choice === value) ?? DEFAULT
}

export const lockAfter = observable<LockAfter>(stored())

export function setLockAfter(value: LockAfter): void {
  localStorage.setItem(KEY, value)
  lockAfter.set(value)
}

/** The newest use in any tab, never in the future: a clock that was set back must not hold the lock open. */
function lastUseMs(ownMs: number): number {
  const elsewhereMs = Number(localStorage.getItem(USED) ?? 0)
  return elsewhereMs > ownMs && elsewhereMs <= Date.now() ? elsewhereMs : ownMs
}

/** Calls back once no tab was used for as long as its user has chosen; never while `busy` says so in one of them. */
export function useInactivityLock(lock: () => void, busy: () => boolean): void {
  const after = useObservable(lockAfter)
  const latest = useRef({ lock, busy })
  latest.current = { lock, busy }
  useEffect(() => {
    if (after === 'never') return
    let usedMs = Date.now()
    let toldMs = 0
    const use = (): void => {
      usedMs = Date.now()
      if (usedMs - toldMs < CHECK_MS / 2) return
      toldMs = usedMs
      localStorage.setItem(USED, String(usedMs))
    }
    use()
    for (const type of USE) addEventListener(type, use, { passive: true })
    // Reason: timers sleep with the device, the clock does not.
    const timer = setInterval(() => {
      if (latest.current.busy()) use()
      else if (Date.now() - lastUseMs(usedMs) > Number(after) * 60_000) latest.current.lock()
    }, CHECK_MS)
    return () => {
      for (const type of USE) removeEventListener(type, use)
      clearInterval(timer)
    }
  }, [after])
}
