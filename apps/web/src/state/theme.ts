import { observable } from './observable.ts'
import { keepsStorage } from './storage.ts'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'strongroom-theme'
const dark = matchMedia('(prefers-color-scheme: dark)')

function stored(): Theme {
  const value = keepsStorage() ? localStorage.getItem(KEY) : null
  return value === 'light' || value === 'dark' ? value : 'system'
}

export const theme = observable<Theme>(stored())

function apply(): void {
  const chosen = theme.get()
  const isDark = chosen === 'dark' || (chosen === 'system' && dark.matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
}

export function setTheme(value: Theme): void {
  localStorage.setItem(KEY, value)
  theme.set(value)
  apply()
}

/** Follows the system, until one is chosen. */
export function startTheme(): void {
  dark.addEventListener('change', apply)
  apply()
}
