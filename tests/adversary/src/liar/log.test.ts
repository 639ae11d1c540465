import { LOG } from './cases/log.ts'
import { describeLies } from './describe-lies.ts'

describeLies({ 'about the log': LOG })
