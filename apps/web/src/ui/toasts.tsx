import { useObservable } from '../state/observable.ts'
import { dismissToast, toasts } from '../state/toasts.ts'

export function Toasts() {
  const shown = useObservable(toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div className="toast" key={toast.id}>
          <span>{toast.text}</span>
          {toast.action !== null && (
            <button
              type="button"
              onClick={() => {
                toast.action?.run()
                dismissToast(toast.id)
              }}
            >
              {toast.action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  )
}
