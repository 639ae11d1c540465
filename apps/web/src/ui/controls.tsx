import { Eye, EyeOff } from 'lucide-react'
import { type ButtonHTMLAttributes, type InputHTMLAttributes, type ReactNode, type Ref, useId, useState } from 'react'
import { TEXT } from '../strings.ts'

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: 'primary' | 'danger' | 'quiet' | 'plain'
  readonly wide?: boolean
}

export function Button({ look = 'plain', wide = false, className = '', ...props }: ButtonProps) {
  return (
    <button type="button" {...props} className={`button button-${look} ${wide ? 'button-wide' : ''} ${className}`} />
  )
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly label: string
}

export function IconButton({ label, className = '', ...props }: IconButtonProps) {
  return <button type="button" {...props} aria-label={label} title={label} className={`icon-button ${className}`} />
}

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string
  readonly hint?: string | undefined
  readonly error?: string | null | undefined
  readonly trailing?: ReactNode
  readonly ref?: Ref<HTMLInputElement> | undefined
}

export function Field({ label, hint, error, trailing, className = '', ...input }: FieldProps) {
  const id = useId()
  const isWrong = Boolean(error)
  const about = isWrong ? `${id}-error` : hint === undefined ? undefined : `${id}-hint`
  return (
    <div className={`field ${className}`}>
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <div className="field-box">
        <input {...input} id={id} aria-invalid={isWrong} aria-describedby={about} />
        {trailing}
      </div>
      {hint !== undefined && !isWrong && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {isWrong && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  )
}

/** A password that its user may look at. */
export function PasswordField(props: FieldProps) {
  const [shown, setShown] = useState(false)
  return (
    <Field
      {...props}
      type={shown ? 'text' : 'password'}
      spellCheck={false}
      autoCapitalize="none"
      trailing={
        <IconButton
          label={shown ? TEXT.auth.hidePassword : TEXT.auth.showPassword}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          {shown ? <EyeOff size={18} /> : <Eye size={18} />}
        </IconButton>
      }
    />
  )
}

export function Brand() {
  return (
    <div className="brand">
      <img src="/icon.svg" alt="" />
      <span>{TEXT.product}</span>
    </div>
  )
}
