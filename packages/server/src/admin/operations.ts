import type { AdminOperation } from './operation.ts'
import { disable, enable, quota } from './operations/accounts.ts'
import { auditVerify } from './operations/audit-verify.ts'
import { backup } from './operations/backup.ts'
import { disclose } from './operations/disclose.ts'
import { doctor } from './operations/doctor.ts'
import { gc } from './operations/gc.ts'
import { inviteCreate, inviteList, inviteRevoke } from './operations/invites.ts'
import { kmsDestroyRetired, kmsRotate, kmsRotateOuter, kmsRotateOwn, kmsStatus } from './operations/kms.ts'
import { users } from './operations/users.ts'
import { verify } from './operations/verify.ts'

/** Everything that operators can do. */
export const ADMIN_OPERATIONS: readonly AdminOperation[] = [
  users,
  quota,
  disable,
  enable,
  inviteCreate,
  inviteList,
  inviteRevoke,
  gc,
  disclose,
  kmsStatus,
  kmsRotate,
  kmsRotateOuter,
  kmsRotateOwn,
  kmsDestroyRetired,
  auditVerify,
  verify,
  backup,
  doctor,
]
