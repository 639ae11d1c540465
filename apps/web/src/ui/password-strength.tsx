import { useEffect, useState } from 'react'
import { TEXT } from '../strings.ts'

const WAIT_MS = 150

/** Score 0 … 4 of a password, or null until it was judged; on this device, with a list that is loaded when needed. */
export function useStrength(password: string, login: string): number | null {
  const [judged, setJudged] = useState<{ password: string; score: number } | null>(null)
  useEffect(() => {
    if (password === '') return
    let current = true
    const timer = setTimeout(() => {
      import('./judge-password.ts').then(
        ({ judgePassword }) => current && setJudged({ password, score: judgePassword(password, login) }),
        // A list that cannot be loaded costs the advice, and hinders nobody.
        () => undefined,
      )
    }, WAIT_MS)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [password, login])
  return password === '' || judged === null ? null : judged.score
}

export function StrengthMeter({ password, score }: { password: string; score: number | null }) {
  if (password === '' || score === null) return null
  return (
    <div className="strength">
      <div className="strength-bars" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <span key={bar} className={Math.max(1, score) >= bar ? `filled ${score < 2 ? 'low' : ''}` : ''} />
        ))}
      </div>
      <p className="field-hint" role="status">
        <span className="visually-hidden">{TEXT.auth.strengthLabel}: </span>
        {score < 2 ? TEXT.auth.weak : TEXT.auth.strength[score]}
      </p>
    </div>
  )
}
