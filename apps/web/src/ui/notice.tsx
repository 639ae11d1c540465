/** A sentence that a user must see; nothing while there is none. */
export function Notice({ text }: { text: string | null }) {
  if (text === null) return null
  return (
    <p className="notice" role="alert">
      {text}
    </p>
  )
}
