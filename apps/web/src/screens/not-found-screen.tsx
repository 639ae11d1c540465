import { useNavigate } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { useTitle } from '../state/title.ts'
import { TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import { Empty } from '../ui/empty.tsx'

/** An address that is none of the app's. */
export function NotFoundScreen() {
  const navigate = useNavigate()
  useTitle(TEXT.notFound.title)
  return (
    <Empty icon={Compass} title={TEXT.notFound.title} hint={TEXT.notFound.hint} level={1}>
      <Button look="primary" onClick={() => navigate({ to: '/files' })}>
        {TEXT.files.toRoot}
      </Button>
    </Empty>
  )
}
