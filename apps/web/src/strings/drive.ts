/** The drive around its lists: navigation, what was done, dialogs. */
export const DRIVE = {
  nav: {
    files: 'My files',
    recent: 'Recent',
    favourites: 'Favourites',
    trash: 'Trash',
    security: 'Security',
    menu: 'Menu',
    close: 'Close menu',
    main: 'Main',
    sidebar: 'Places and storage',
    account: 'Account',
    signOut: 'Sign out',
    storage: 'Storage',
    used: (used: string, quota: string) => `${used} of ${quota} used`,
    nearlyFull: 'Nearly full',
    full: 'Full: nothing more can be uploaded.',
    theme: 'Appearance',
    themes: { system: 'System', light: 'Light', dark: 'Dark' },
  },
  done: {
    renamed: (name: string) => `Renamed to “${name}”`,
    moved: (count: number) => (count === 1 ? '1 item moved' : `${count.toLocaleString()} items moved`),
    copied: (count: number) => (count === 1 ? '1 copy made' : `${count.toLocaleString()} copies made`),
    trashed: (count: number) =>
      count === 1 ? '1 item moved to trash' : `${count.toLocaleString()} items moved to trash`,
    restored: (count: number) => (count === 1 ? '1 item restored' : `${count.toLocaleString()} items restored`),
    marked: (count: number) => (count === 1 ? '1 favourite added' : `${count.toLocaleString()} favourites added`),
    unmarked: (count: number) => (count === 1 ? '1 favourite removed' : `${count.toLocaleString()} favourites removed`),
    cut: (count: number) =>
      count === 1
        ? '1 item cut; paste it where it belongs'
        : `${count.toLocaleString()} items cut; paste them where they belong`,
    clipped: (count: number) =>
      count === 1
        ? '1 item copied; paste it where you want it'
        : `${count.toLocaleString()} items copied; paste them where you want them`,
    folder: (name: string) => `Folder “${name}” created`,
    folders: (count: number) => (count === 1 ? '1 folder created' : `${count.toLocaleString()} folders created`),
    undo: 'Undo',
    undone: 'Undone',
  },
  dialog: { cancel: 'Cancel', close: 'Close' },
  notFound: {
    title: 'There is nothing at this address',
    hint: 'The link may be old or incomplete.',
  },
} as const
