import { useState } from 'react'
import { TEXT } from '../strings.ts'
import { PasswordField } from './controls.tsx'
import { StrengthMeter, useStrength } from './password-strength.tsx'

const SHORTEST = 8

/** A new password, typed twice. */
export interface NewPassword {
  readonly first: string
  readonly again: string
}

export const NO_PASSWORD: NewPassword = { first: '', again: '' }

export function isUsable({ first, again }: NewPassword): boolean {
  return [...first].length >= SHORTEST && first === again
}

interface Props {
  readonly label: string
  readonly login: string
  readonly value: NewPassword
  readonly onChange: (value: NewPassword) => void
  /** Says what is wrong, once its user has tried to go on. */
  readonly tried: boolean
}

export function NewPasswordFields({ label, login, value, onChange, tried }: Props) {
  const strength = useStrength(value.first, login)
  const [left, setLeft] = useState(false)
  const tooShort = [...value.first].length < SHORTEST
  return (
    <>
      <div className="field">
        <PasswordField
          label={label}
          autoComplete="new-password"
          required
          value={value.first}
          error={tried && tooShort ? TEXT.auth.short : null}
          onChange={(event) => onChange({ ...value, first: event.target.value })}
        />
        <StrengthMeter password={value.first} score={strength} />
      </div>
      <PasswordField
        label={TEXT.auth.passwordAgain}
        autoComplete="new-password"
        required
        value={value.again}
        error={(tried || left) && value.again !== '' && value.again !== value.first ? TEXT.auth.mismatch : null}
        onBlur={() => setLeft(true)}
        onChange={(event) => onChange({ ...value, again: event.target.value })}
      />
    </>
  )
}
