import { useCallback, useState } from 'react'

/** A question that the worker waits on. */
export interface Question<Asked, Answer> {
  readonly asked: Asked
  answer(value: Answer): void
  refuse(): void
}

/**
 * Turns a question of the worker into something to show: `ask` resolves once its user has answered.
 */
export function useQuestion<Asked, Answer>(): {
  readonly question: Question<Asked, Answer> | null
  readonly ask: (asked: Asked) => Promise<Answer>
  readonly drop: () => void
} {
  const [question, setQuestion] = useState<Question<Asked, Answer> | null>(null)
  const ask = useCallback(
    (asked: Asked) =>
      new Promise<Answer>((answer, refuse) => {
        setQuestion({ asked, answer, refuse: () => refuse({ code: 'aborted', details: {} }) })
      }),
    [],
  )
  const drop = useCallback(() => setQuestion(null), [])
  return { question, ask, drop }
}
