import { useNavigate } from '@tanstack/react-router'
import type { LucideIcon } from 'lucide-react'
import { Clock, Search, Star } from 'lucide-react'
import { useEffect, useMemo, useRef } from 'react'
import { SORTS, type SortMemory } from '../state/list-look.ts'
import { useObservable } from '../state/observable.ts'
import { searchText } from '../state/search.ts'
import { useSelection } from '../state/selection.ts'
import { sortRows } from '../state/sorted-rows.ts'
import { useTitle } from '../state/title.ts'
import { type Loaded, useRows } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { Button } from '../ui/controls.tsx'
import { Empty } from '../ui/empty.tsx'
import { useNarrow } from '../ui/use-narrow.ts'
import { MOST_FOUND } from '../worker/vault-api.ts'
import { ItemScreen } from './item-screen.tsx'

interface FlatProps {
  readonly title: string
  /** Whether screen readers tell the title whenever it changes. */
  readonly isTold?: boolean
  readonly listKey: string
  readonly loaded: Loaded
  readonly sorts: SortMemory
  readonly highlight?: string
  readonly note?: string | undefined
  readonly empty: { readonly icon: LucideIcon; readonly title: string; readonly hint: string }
}

/** Entries from all over the vault. */
function FlatScreen({ title, isTold = false, listKey, loaded, sorts, empty, note, highlight = '' }: FlatProps) {
  const navigate = useNavigate()
  const sort = useObservable(sorts.sort)
  const rows = useMemo(() => sortRows(loaded.rows, sort), [loaded.rows, sort])
  const selection = useSelection(listKey, rows)
  useTitle(title)
  return (
    <ItemScreen
      head={<h1>{isTold ? <span role="status">{title}</span> : title}</h1>}
      note={note}
      loaded={{ ...loaded, rows }}
      selection={selection}
      sorts={sorts}
      folder={null}
      highlight={highlight}
      empty={
        <Empty {...empty}>
          <Button onClick={() => navigate({ to: '/files' })}>{TEXT.files.toRoot}</Button>
        </Empty>
      }
    />
  )
}

export function RecentScreen() {
  return (
    <FlatScreen
      title={TEXT.nav.recent}
      listKey="recent"
      loaded={useRows('recent', (vault) => vault.recent())}
      sorts={SORTS.recent}
      empty={{ icon: Clock, title: TEXT.files.recentEmpty, hint: TEXT.files.recentEmptyHint }}
    />
  )
}

export function FavouritesScreen() {
  return (
    <FlatScreen
      title={TEXT.nav.favourites}
      listKey="favourites"
      loaded={useRows('favourites', (vault) => vault.favourites())}
      sorts={SORTS.favourites}
      empty={{ icon: Star, title: TEXT.files.favouritesEmpty, hint: TEXT.files.favouritesEmptyHint }}
    />
  )
}

/** What is looked for stays out of the address: names belong in no URL. */
export function SearchScreen() {
  const text = useObservable(searchText)
  if (text.trim() === '') return <NothingAsked />
  return <Found text={text} />
}

function NothingAsked() {
  useTitle(TEXT.files.search)
  useEffect(() => {
    document.querySelector<HTMLInputElement>('.search input')?.focus()
  }, [])
  return <Empty icon={Search} title={TEXT.files.searchStart} hint={TEXT.files.nothingFoundHint} level={1} />
}

function Found({ text }: { text: string }) {
  const latest = useRows(`search:${text}`, (vault) => vault.search(text))
  const kept = useRef({ loaded: latest, text })
  // Reason: what was found stays until the next letter has its answer, so that nothing jumps while someone types.
  if (latest.state !== 'loading') kept.current = { loaded: latest, text }
  const found = kept.current
  const isFirst = found.loaded.state === 'loading'
  const { count } = found.loaded.rows
  // Reason: on narrow screens the text stands right above, and there is no room for it twice.
  const isNarrow = useNarrow()
  const told = isNarrow ? TEXT.files.results(count) : TEXT.files.found(count, found.text)
  const title = isFirst ? TEXT.files.searching : told
  return (
    <FlatScreen
      title={title}
      isTold
      listKey={`search:${found.text}`}
      loaded={found.loaded}
      sorts={SORTS.search}
      highlight={found.text}
      note={count === MOST_FOUND ? TEXT.files.foundMost(MOST_FOUND) : undefined}
      empty={{ icon: Search, title: TEXT.files.nothingFound, hint: TEXT.files.nothingFoundHint }}
    />
  )
}
