/** Uses after which a statement is worth its plan on every connection. */
const WORTH = 5
/** Most statements that are kept prepared; each costs every connection of the database some memory. */
const KEPT = 200
/** Most other texts that are counted at once. */
const COUNTED = 1_000

/**
 * Names for the statements that are asked again and again, so that PostgreSQL parses and plans them once a connection;
 * undefined for a text that has no name (yet).
 *
 * Reason for counting: the text of some statements depends on how many rows they write, and such come rarely twice.
 */
export function statementNames(): (text: string) => string | undefined {
  const names = new Map<string, string>()
  const uses = new Map<string, number>()
  return (text) => {
    const name = names.get(text)
    if (name !== undefined || names.size >= KEPT) return name
    const count = (uses.get(text) ?? 0) + 1
    if (count > WORTH) {
      uses.delete(text)
      names.set(text, `strongroom-${names.size}`)
    } else {
      if (uses.size >= COUNTED) uses.clear()
      uses.set(text, count)
    }
    return names.get(text)
  }
}
