import { CloudOff } from 'lucide-react'
import { connection } from '../state/connection.ts'
import { useObservable } from '../state/observable.ts'
import { TEXT } from '../strings.ts'

/** Says that the server cannot be reached, as long as it cannot. */
export function ConnectionNotice() {
  const state = useObservable(connection)
  return (
    <div role="status">
      {state === 'offline' && (
        <p className="connection-notice">
          <CloudOff size={16} aria-hidden="true" />
          {TEXT.offline}
        </p>
      )}
    </div>
  )
}
