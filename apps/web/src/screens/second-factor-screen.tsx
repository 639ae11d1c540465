import { type FormEvent, useState } from 'react'
import type { Question } from '../state/questions.ts'
import { TEXT } from '../strings.ts'
import { Button, Field } from '../ui/controls.tsx'
import { AuthLayout } from './auth-layout.tsx'

/** Asks for the second factor of a sign-in. @param question - with the number of the attempt */
export function SecondFactorScreen({ question }: { question: Question<number, string> }) {
  const [code, setCode] = useState('')
  const [sent, setSent] = useState(0)
  const busy = sent === question.asked
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setSent(question.asked)
    question.answer(code)
    setCode('')
  }
  return (
    <AuthLayout title={TEXT.auth.codeTitle} lead={TEXT.auth.codeWhy}>
      <form onSubmit={submit}>
        <Field
          label={TEXT.auth.code}
          autoComplete="one-time-code"
          inputMode="text"
          spellCheck={false}
          autoCapitalize="none"
          autoFocus
          required
          value={code}
          error={question.asked > 1 && !busy ? TEXT.auth.codeWrong : null}
          onChange={(event) => setCode(event.target.value)}
        />
        <Button type="submit" look="primary" wide disabled={busy}>
          {TEXT.auth.check}
        </Button>
        <Button look="quiet" wide onClick={question.refuse}>
          {TEXT.dialog.cancel}
        </Button>
      </form>
    </AuthLayout>
  )
}
