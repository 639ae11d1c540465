import { TEXT } from '../strings.ts'

const ROWS = [62, 38, 51, 44, 70, 33, 57, 48]

/** Where rows will be; it shows only if they take a moment. */
export function Skeleton() {
  return (
    <div className="skeleton" role="status">
      <span className="visually-hidden">{TEXT.files.loading}</span>
      {ROWS.map((width) => (
        <div className="skeleton-row" key={width} aria-hidden="true">
          <span className="skeleton-icon" />
          <span className="skeleton-name" style={{ width: `${width}%` }} />
          <span className="skeleton-time" />
        </div>
      ))}
    </div>
  )
}
