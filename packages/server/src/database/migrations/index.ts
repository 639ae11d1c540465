import { FIRST } from './0001-first.ts'
import { COLLECTION } from './0002-collection.ts'
import { JOBS } from './0003-jobs.ts'
import { CHECKPOINTS } from './0004-checkpoints.ts'
import { DEVICES } from './0005-devices.ts'
import { LOST_BLOBS } from './0006-lost-blobs.ts'
import { AUDIT } from './0007-audit.ts'
import { RECOVERY } from './0008-recovery.ts'
import { SECOND_FACTOR } from './0009-second-factor.ts'
import { KMS_KEYS } from './0010-kms-keys.ts'
import { OPERATORS } from './0011-operators.ts'
import { DELETIONS } from './0012-deletions.ts'
import { MEMBERSHIP } from './0013-membership.ts'
import { KMS_WAITING } from './0014-kms-waiting.ts'
import { SESSION_SIGNALS } from './0015-session-signals.ts'
import { OLD_WRAPS } from './0016-old-wraps.ts'
import { COLLECTION_ORDER } from './0017-collection-order.ts'

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** Every migration, in the order in which they apply. What has been released is never edited. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'first', sql: FIRST },
  { version: 2, name: 'collection', sql: COLLECTION },
  { version: 3, name: 'jobs', sql: JOBS },
  { version: 4, name: 'checkpoints', sql: CHECKPOINTS },
  { version: 5, name: 'devices', sql: DEVICES },
  { version: 6, name: 'lost-blobs', sql: LOST_BLOBS },
  { version: 7, name: 'audit', sql: AUDIT },
  { version: 8, name: 'recovery', sql: RECOVERY },
  { version: 9, name: 'second-factor', sql: SECOND_FACTOR },
  { version: 10, name: 'kms-keys', sql: KMS_KEYS },
  { version: 11, name: 'operators', sql: OPERATORS },
  { version: 12, name: 'deletions', sql: DELETIONS },
  { version: 13, name: 'membership', sql: MEMBERSHIP },
  { version: 14, name: 'kms-waiting', sql: KMS_WAITING },
  { version: 15, name: 'session-signals', sql: SESSION_SIGNALS },
  { version: 16, name: 'old-wraps', sql: OLD_WRAPS },
  { version: 17, name: 'collection-order', sql: COLLECTION_ORDER },
]
