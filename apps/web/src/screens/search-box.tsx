import { useNavigate, useRouter, useRouterState } from '@tanstack/react-router'
import { Search, X } from 'lucide-react'
import { type RefObject, useEffect, useState } from 'react'
import { searchText } from '../state/search.ts'
import { TEXT } from '../strings.ts'
import { IconButton } from '../ui/controls.tsx'
import { focusList } from '../ui/focus-list.ts'

const SEARCH_WAIT_MS = 60

/** Searches all names as they are typed; Escape goes back to where the search began. */
export function SearchBox({ box }: { box: RefObject<HTMLInputElement | null> }) {
  const navigate = useNavigate()
  const router = useRouter()
  const [text, setText] = useState('')
  const path = useRouterState({ select: (state) => state.location.pathname })
  useEffect(() => {
    setText(path === '/search' ? searchText.get() : '')
  }, [path])
  useEffect(() => {
    if (text === '') return
    const timer = setTimeout(() => {
      searchText.set(text)
      if (path !== '/search') void navigate({ to: '/search' })
    }, SEARCH_WAIT_MS)
    return () => clearTimeout(timer)
  }, [text, path, navigate])
  const clear = (): void => {
    setText('')
    searchText.set('')
    if (path !== '/search') return
    if (router.history.canGoBack()) router.history.back()
    else void navigate({ to: '/files' })
  }
  return (
    <search className="search">
      <Search size={18} aria-hidden="true" />
      <input
        ref={box}
        type="search"
        aria-label={TEXT.files.search}
        placeholder={TEXT.files.search}
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="search"
        value={text}
        onChange={(event) => (event.target.value === '' ? clear() : setText(event.target.value))}
        onKeyDown={(event) => {
          if (event.key === 'Escape') clear()
          if (event.key === 'Enter' || event.key === 'ArrowDown') {
            event.preventDefault()
            focusList()
          }
        }}
      />
      {text !== '' && (
        <IconButton label={TEXT.files.clearSearch} className="search-clear" onClick={clear}>
          <X size={17} />
        </IconButton>
      )}
    </search>
  )
}
