import { KeyRound, ShieldCheck, Terminal } from 'lucide-react'
import type { ReactNode } from 'react'
import { TEXT } from '../strings.ts'
import { Brand } from '../ui/controls.tsx'

const ICONS = [ShieldCheck, KeyRound, Terminal]

/** What sign-in and sign-up share: the product on one side, the form on the other. */
export function AuthLayout({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  return (
    <div className="auth">
      <aside className="auth-side">
        <Brand />
        <h2>{TEXT.tagline}</h2>
        <ul>
          {TEXT.promise.map((sentence, index) => {
            const Icon = ICONS[index] ?? ShieldCheck
            return (
              <li key={sentence}>
                <Icon size={20} aria-hidden="true" />
                <span>{sentence}</span>
              </li>
            )
          })}
        </ul>
      </aside>
      <main className="auth-main">
        <div className="auth-card">
          <Brand />
          <div>
            <h1>{title}</h1>
            {lead !== undefined && <p className="auth-lead">{lead}</p>}
          </div>
          {children}
        </div>
      </main>
    </div>
  )
}
