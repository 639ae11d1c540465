import type { Band } from './use-rubber-band.ts'

/** The rectangle that selects; inside the space of the list. */
export function RubberBand({ band }: { band: Band | null }) {
  if (band === null) return null
  const { left, top, width, height } = band
  return <div className="rubber-band" style={{ transform: `translate(${left}px, ${top}px)`, width, height }} />
}
