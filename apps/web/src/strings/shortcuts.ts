/** The sheet of keys. */
export const SHORTCUTS = {
  shortcuts: {
    title: 'Keyboard shortcuts',
    groups: [
      {
        title: 'In lists',
        rows: [
          ['↑ ↓', 'Move between items'],
          ['Shift + ↑ ↓', 'Extend the selection'],
          ['Space', 'Select or unselect'],
          ['Ctrl + A', 'Select all'],
          ['Escape', 'Clear the selection'],
          ['Enter', 'Open'],
          ['Backspace', 'Up one folder'],
          ['A … Z', 'Go to a name; with Shift where the letter does something'],
          ['Shift + F10', 'Menu of the selection'],
        ],
      },
      {
        title: 'With what is selected',
        rows: [
          ['F2', 'Rename'],
          ['S', 'Add to or remove from favourites'],
          ['Ctrl + X', 'Cut'],
          ['Ctrl + C', 'Copy'],
          ['Ctrl + V', 'Paste, also files from elsewhere'],
          ['Delete', 'Move to trash'],
          ['I', 'Show or hide details'],
        ],
      },
      {
        title: 'Everywhere',
        rows: [
          ['/', 'Search'],
          ['N', 'New folder'],
          ['U', 'Upload files'],
          ['V', 'List or grid'],
          ['Ctrl + Z', 'Undo'],
          ['?', 'This list'],
        ],
      },
      {
        title: 'Go to',
        rows: [
          ['G F', 'My files'],
          ['G R', 'Recent'],
          ['G S', 'Favourites'],
          ['G T', 'Trash'],
        ],
      },
    ] as readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[],
  },
} as const
