import { useNavigate } from '@tanstack/react-router'
import { CircleHelp, LogOut, Monitor, Moon, ShieldCheck, Sun, UserRound } from 'lucide-react'
import { useObservable } from '../state/observable.ts'
import { setTheme, theme } from '../state/theme.ts'
import { useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { ActMenu } from '../ui/item-menu.tsx'

const ICONS = { system: Monitor, light: Sun, dark: Moon } as const
const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const

export function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const navigate = useNavigate()
  const { account, signOut } = useVault()
  const chosen = useObservable(theme)
  return (
    <ActMenu
      label={TEXT.nav.account}
      acts={[
        {
          label: `${TEXT.nav.theme}: ${TEXT.nav.themes[chosen]}`,
          icon: ICONS[chosen],
          run: () => setTheme(NEXT[chosen]),
        },
        { label: TEXT.nav.security, icon: ShieldCheck, run: () => void navigate({ to: '/security' }) },
        { label: TEXT.shortcuts.title, icon: CircleHelp, run: onHelp, keys: '?' },
        { label: TEXT.nav.signOut, icon: LogOut, run: signOut, apart: true },
      ]}
      trigger={
        <button type="button" className="account-button" aria-label={`${TEXT.nav.account}: ${account.login}`}>
          <UserRound size={18} aria-hidden="true" />
          <span>{account.login}</span>
        </button>
      }
    />
  )
}
