import * as ContextMenu from '@radix-ui/react-context-menu'
import { type ReactElement, useRef, useState } from 'react'
import { type Act, ContextItems, isFocusTaken, menuPlace } from './item-menu.tsx'

/** Marks the element of an entry; its value is the row's index. */
export const ITEM_ATTRIBUTE = 'data-item'

interface ListMenuProps {
  readonly acts: readonly Act[]
  /** What can be done where there is no entry. */
  readonly placeActs: readonly Act[]
  /** Selects an entry for its menu, unless it is selected. */
  readonly onItem: (index: number) => void
  readonly onPlace: () => void
  /** The list, which gets the focus back. */
  readonly children: ReactElement
}

/** The context menu of a list: by the right button, a long press, the menu key, or {@link openMenuAt}. */
export function ListMenu({ acts, placeActs, onItem, onPlace, children }: ListMenuProps) {
  const [onEntry, setOnEntry] = useState(true)
  const pressed = useRef<Element | null>(null)
  const shown = onEntry ? acts : placeActs
  return (
    <ContextMenu.Root
      modal={false}
      onOpenChange={(open) => {
        if (!open) return
        const index = itemIndex(pressed.current)
        setOnEntry(index !== null)
        if (index === null) onPlace()
        else onItem(index)
      }}
    >
      <ContextMenu.Trigger
        asChild
        onPointerDownCapture={(event) => {
          pressed.current = event.target as Element
        }}
        onContextMenuCapture={(event) => {
          pressed.current = event.target as Element
        }}
      >
        {children}
      </ContextMenu.Trigger>
      <ContextMenu.Portal container={menuPlace()}>
        <ContextMenu.Content
          className="menu"
          collisionPadding={8}
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            if (!isFocusTaken()) pressed.current?.closest<HTMLElement>('[role="grid"]')?.focus({ preventScroll: true })
          }}
        >
          <ContextItems acts={shown} />
        </ContextMenu.Content>
      </ContextMenu.Portal>
    </ContextMenu.Root>
  )
}

function itemIndex(element: Element | null): number | null {
  const value = element?.closest(`[${ITEM_ATTRIBUTE}]`)?.getAttribute(ITEM_ATTRIBUTE) ?? null
  return value === null ? null : Number(value)
}

/** Opens the menu of the list around an element, below that element. */
export function openMenuAt(element: Element): void {
  const { left, bottom, height } = element.getBoundingClientRect()
  const place = { clientX: left + 12, clientY: bottom - Math.min(8, height / 4) }
  element.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true, ...place }))
}
