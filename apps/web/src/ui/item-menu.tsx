import * as ContextMenu from '@radix-ui/react-context-menu'
import * as Dropdown from '@radix-ui/react-dropdown-menu'
import { EllipsisVertical } from 'lucide-react'
import { type ComponentType, Fragment, type ReactNode, useRef, useState } from 'react'
import { TEXT } from '../strings.ts'

/** Where menus are put: inside the main landmark, so that screen readers know where they are. */
export function menuPlace(): HTMLElement | null {
  return document.getElementById('menus')
}

/** One thing to do with what is selected. */
export interface Act {
  readonly label: string
  readonly icon: ComponentType<{ size?: number }>
  readonly run: () => void
  readonly danger?: boolean
  /** A line above it. */
  readonly apart?: boolean
  /** Shown as a button of its own where there is room. */
  readonly primary?: boolean
  /** What to press instead. */
  readonly keys?: string
}

/** The acts as items of a context menu. */
export function ContextItems({ acts }: { acts: readonly Act[] }) {
  return <Items acts={acts} item={ContextMenu.Item} separator={ContextMenu.Separator} />
}

interface ItemsProps {
  readonly acts: readonly Act[]
  readonly item: ComponentType<{ className: string; onSelect: () => void; children: ReactNode }>
  readonly separator: ComponentType<{ className: string }>
}

function Items({ acts, item: Item, separator: Separator }: ItemsProps) {
  return acts.map((act, index) => {
    const Icon = act.icon
    return (
      <Fragment key={act.label}>
        {act.apart && index > 0 && <Separator className="menu-separator" />}
        <Item className={`menu-item ${act.danger ? 'danger' : ''}`} onSelect={act.run}>
          <Icon size={17} />
          <span className="menu-label">{act.label}</span>
          {act.keys !== undefined && (
            <span className="menu-keys" aria-hidden="true">
              {act.keys}
            </span>
          )}
        </Item>
      </Fragment>
    )
  })
}

interface ActMenuProps {
  readonly acts: readonly Act[]
  readonly label?: string
  readonly trigger?: ReactNode
}

/** The acts behind a button. */
export function ActMenu({ acts, label = TEXT.files.more, trigger }: ActMenuProps) {
  const [isOpen, setOpen] = useState(false)
  const wasTouched = useRef(false)
  return (
    <Dropdown.Root modal={false} open={isOpen} onOpenChange={setOpen}>
      <Dropdown.Trigger
        asChild
        onPointerDown={(event) => {
          wasTouched.current = event.pointerType === 'touch'
          // Reason: a sheet that comes up under a finger takes its tap for one of its own.
          if (wasTouched.current) event.preventDefault()
        }}
        onClick={() => {
          if (wasTouched.current) setOpen(!isOpen)
        }}
      >
        {trigger ?? (
          <button type="button" className="icon-button" aria-label={label} title={label}>
            <EllipsisVertical size={19} />
          </button>
        )}
      </Dropdown.Trigger>
      <Dropdown.Portal container={menuPlace()}>
        <Dropdown.Content
          className="menu"
          align="end"
          sideOffset={6}
          collisionPadding={8}
          onCloseAutoFocus={(event) => {
            if (isFocusTaken()) event.preventDefault()
          }}
        >
          <Items acts={acts} item={Dropdown.Item} separator={Dropdown.Separator} />
        </Dropdown.Content>
      </Dropdown.Portal>
    </Dropdown.Root>
  )
}

/** Whether what a menu has opened holds the focus already. */
export function isFocusTaken(): boolean {
  return document.activeElement instanceof HTMLInputElement || document.querySelector('dialog[open]') !== null
}
