import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

interface EmptyProps {
  readonly icon: LucideIcon
  readonly title: string
  readonly hint?: string
  /** Of its heading; 1 where the screen has no other. */
  readonly level?: 1 | 2
  readonly children?: ReactNode
}

/** What a list shows while there is nothing in it. */
export function Empty({ icon: Icon, title, hint, level = 2, children }: EmptyProps) {
  const Heading = level === 1 ? 'h1' : 'h2'
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon size={34} strokeWidth={1.5} aria-hidden="true" />
      </span>
      <Heading>{title}</Heading>
      {hint !== undefined && <p>{hint}</p>}
      {children !== undefined && <div className="empty-actions">{children}</div>}
    </div>
  )
}
