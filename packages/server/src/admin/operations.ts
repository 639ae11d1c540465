import type { AdminOperation } from './operation.ts'
import { users } from './operations/users.ts'

/** Everything that operators can do. */
export const ADMIN_OPERATIONS: readonly AdminOperation[] = [users]
