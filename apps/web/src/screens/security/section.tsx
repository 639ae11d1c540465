import type { ReactNode } from 'react'

/** A part of the security page: what it is about on one side, what there is to do on the other. */
export function Section({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <section className="section">
      <div className="section-head">
        <h3>{title}</h3>
        {text !== undefined && <p>{text}</p>}
      </div>
      <div className="section-body">{children}</div>
    </section>
  )
}
