import { TEXT } from '../../strings.ts'

export function Waiting() {
  return (
    <div className="loading" role="status">
      <span className="spinner" />
      <span className="visually-hidden">{TEXT.files.loading}</span>
    </div>
  )
}
