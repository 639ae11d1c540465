import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'

/** Longer ones are judged by their beginning: the time to judge grows with the square of the length. */
const JUDGED = 100

const judge = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs })

/** 0 (guessed at once) … 4 (very hard to guess). */
export function judgePassword(password: string, login: string): number {
  const own = login
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 2)
  return judge.check(password.slice(0, JUDGED), own).score
}
