import { useRef, useState } from 'react'
import { useExplanation } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import { nameFault, typedName } from '../typed-name.ts'

interface RenameFieldProps {
  readonly name: string
  /** Rejects with a failure, which is shown. */
  readonly onName: (name: string) => Promise<void>
  readonly onClose: () => void
}

/** A name, edited where it stands: Enter and leaving it keep the new one, Escape the old one. */
export function RenameField({ name, onName, onClose }: RenameFieldProps) {
  const [value, setValue] = useState(name)
  const [error, setError] = useState<string | null>(null)
  const explain = useExplanation()
  const state = useRef<'editing' | 'saving' | 'closed'>('editing')
  const close = (): void => {
    state.current = 'closed'
    onClose()
  }
  const save = async (): Promise<void> => {
    if (state.current !== 'editing') return
    const typed = typedName(value)
    if (value === name || typed === name) return close()
    const fault = nameFault(typed)
    if (fault !== null) return setError(fault)
    state.current = 'saving'
    try {
      await onName(typed)
      close()
    } catch (cause) {
      state.current = 'editing'
      setError(explain(cause))
    }
  }
  return (
    <span className="rename">
      <input
        className="rename-input"
        aria-label={TEXT.rename.label}
        aria-invalid={error !== null}
        autoComplete="off"
        spellCheck={false}
        ref={focusOnce}
        value={value}
        onChange={(event) => {
          setValue(event.target.value)
          setError(null)
        }}
        onKeyDown={(event) => {
          event.stopPropagation()
          if (event.key === 'Enter' && !event.nativeEvent.isComposing) void save()
          if (event.key === 'Escape') close()
        }}
        onBlur={() => (error === null ? void save() : close())}
        onClick={(event) => event.stopPropagation()}
        onDoubleClick={(event) => event.stopPropagation()}
        onPointerDown={(event) => event.stopPropagation()}
      />
      {error !== null && (
        <span className="rename-error" role="alert">
          {error}
        </span>
      )}
    </span>
  )
}

/** Focuses a field when it appears, with the name selected up to its ending. */
function focusOnce(input: HTMLInputElement | null): void {
  if (input === null || document.activeElement === input) return
  input.focus()
  const dot = input.value.lastIndexOf('.')
  input.setSelectionRange(0, dot > 0 ? dot : input.value.length)
}
