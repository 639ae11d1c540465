/**
 * Gives the focus to the list if nothing else has it. Reason: the browser gives it to nothing when what had it goes, as
 * menus, dialogs and the bar of a selection do, and then no key is heard.
 */
export function focusListSoon(): void {
  setTimeout(() => {
    if (document.activeElement !== document.body) return
    document.querySelector<HTMLElement>('.screen [role="grid"]')?.focus({ preventScroll: true })
  }, 0)
}
