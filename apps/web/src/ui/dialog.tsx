import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { TEXT } from '../strings.ts'
import { useBackCloses } from './back-closes.ts'
import { IconButton } from './controls.tsx'
import { focusList } from './focus-list.ts'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly wide?: boolean
  readonly children: ReactNode
}

/** A modal dialog: the browser keeps the focus inside, closes it on Escape and gives the focus back. */
export function Dialog({ title, onClose, wide = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useBackCloses(() => element.current?.close())
  useEffect(() => {
    const dialog = element.current
    dialog?.showModal()
    // Reason: the browser would choose the button that closes it.
    const first = dialog?.querySelector<HTMLElement>('input:not([type="checkbox"]), [role="tree"]') ?? dialog
    first?.focus()
    return () => void setTimeout(focusSomething, 0)
  }, [])
  return (
    <dialog
      ref={element}
      className={`dialog ${wide ? 'dialog-wide' : ''}`}
      aria-labelledby={titleId}
      tabIndex={-1}
      onClose={onClose}
      onMouseDown={(event) => {
        if (event.target === element.current) element.current?.close()
      }}
    >
      <div className="dialog-body">
        <div className="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <IconButton label={TEXT.dialog.close} onClick={() => element.current?.close()}>
            <X size={20} />
          </IconButton>
        </div>
        {children}
      </div>
    </dialog>
  )
}

/** Reason: what opened the dialog may be gone, as menus are, and then the browser gives the focus to nothing. */
function focusSomething(): void {
  if (document.activeElement === document.body) focusList()
}
