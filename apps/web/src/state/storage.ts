/** Whether this browser keeps anything for the page: one that blocks cookies throws at the mere asking. */
export function keepsStorage(): boolean {
  try {
    return typeof localStorage.length === 'number' && typeof sessionStorage.length === 'number'
  } catch {
    return false
  }
}
