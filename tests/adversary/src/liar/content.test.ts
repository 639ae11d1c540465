import { CONTENT } from './cases/content.ts'
import { describeLies } from './describe-lies.ts'

describeLies({ 'about content': CONTENT })
