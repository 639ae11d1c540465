import type { LieCase } from '../attempt.ts'
import { CONTENT } from './content.ts'
import { DENIALS, FORMS } from './denials.ts'
import { ELSEWHERE } from './elsewhere.ts'
import { FORGERIES } from './forgeries.ts'
import { LOG } from './log.ts'
import { LOGINS } from './login.ts'
import { RARE_VERBS } from './rare-verbs.ts'
import { REPLAYS } from './replays.ts'
import { VERBS } from './verbs.ts'

/** Every lie that is told, in the order of the table in README.md. */
export const LIES: readonly LieCase[] = [
  ...CONTENT,
  ...LOG,
  ...VERBS,
  ...RARE_VERBS,
  ...FORGERIES,
  ...LOGINS,
  ...REPLAYS,
  ...ELSEWHERE,
  ...DENIALS,
  ...FORMS,
]
