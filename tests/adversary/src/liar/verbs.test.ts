import { FORGERIES } from './cases/forgeries.ts'
import { VERBS } from './cases/verbs.ts'
import { describeLies } from './describe-lies.ts'

describeLies({ 'to every verb': VERBS, 'with the help of somebody else': FORGERIES })
