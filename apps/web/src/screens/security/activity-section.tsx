import { useState } from 'react'
import { formatFullTime } from '../../format.ts'
import { TEXT } from '../../strings.ts'
import { Button } from '../../ui/controls.tsx'
import { Section } from './section.tsx'
import { useFetched } from './use-fetched.ts'

const PAGE_EVENTS = 20

/** What happened to the account, the newest first. */
export function ActivitySection() {
  const { value: activity } = useFetched((vault) => vault.activity())
  const [shown, setShown] = useState(PAGE_EVENTS)
  return (
    <Section title={TEXT.security.activity} text={TEXT.security.activityText}>
      <ol className="activity">
        {activity?.slice(0, shown).map((row) => (
          <li key={row.seq}>
            <time dateTime={new Date(row.timeMs).toISOString()}>{formatFullTime(row.timeMs)}</time>
            <span>
              {TEXT.security.events[row.event] ?? row.event}
              {row.count > 1 && ` · ${TEXT.security.times(row.count)}`}
              {row.deviceName !== null && <span className="field-hint"> · {row.deviceName}</span>}
            </span>
          </li>
        ))}
        {activity?.length === 0 && <li>{TEXT.security.activityNone}</li>}
      </ol>
      {activity !== null && activity.length > shown && (
        <Button onClick={() => setShown(shown + PAGE_EVENTS * 2)}>{TEXT.security.activityMore}</Button>
      )}
    </Section>
  )
}
