import { observable } from './observable.ts'

export interface Toast {
  readonly id: number
  readonly text: string
  readonly action: { readonly label: string; readonly run: () => void } | null
}

const SHOWN_MS = 7_000
const MOST = 3

export const toasts = observable<readonly Toast[]>([])
let lastId = 0

export function dismissToast(id: number): void {
  toasts.set(toasts.get().filter((toast) => toast.id !== id))
}

export function showToast(text: string, action: Toast['action'] = null): void {
  lastId += 1
  const toast = { id: lastId, text, action }
  toasts.set([...toasts.get(), toast].slice(-MOST))
  setTimeout(() => dismissToast(toast.id), SHOWN_MS)
}
