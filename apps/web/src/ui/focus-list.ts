/** Gives the keys to the list in view. */
export function focusList(): void {
  document.querySelector<HTMLElement>('.screen [role="grid"]')?.focus({ preventScroll: true })
}
