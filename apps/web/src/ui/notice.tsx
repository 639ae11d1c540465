/** A sentence that a user must see; nothing while there is none. A calm one tells of no failure. */
export function Notice({ text, isCalm = false }: { text: string | null; isCalm?: boolean }) {
  if (text === null) return null
  return (
    <p className={isCalm ? 'notice notice-calm' : 'notice'} role="alert">
      {text}
    </p>
  )
}
