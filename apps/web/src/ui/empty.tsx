import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

interface EmptyProps {
  readonly icon: LucideIcon
  readonly title: string
  readonly hint?: string
  readonly children?: ReactNode
}

/** What a list shows while there is nothing in it. */
export function Empty({ icon: Icon, title, hint, children }: EmptyProps) {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon size={34} strokeWidth={1.5} aria-hidden="true" />
      </span>
      <h2>{title}</h2>
      {hint !== undefined && <p>{hint}</p>}
      {children !== undefined && <div className="empty-actions">{children}</div>}
    </div>
  )
}
