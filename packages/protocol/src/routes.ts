import {
  account,
  loginFinish,
  loginSecondFactor,
  loginStart,
  logout,
  registerFinish,
  registerStart,
} from './routes/accounts.ts'
import { auditRead } from './routes/audit.ts'
import { blobsComplete, blobsOpen, blobsParts, blobsReserve } from './routes/blobs.ts'
import { info } from './routes/info.ts'
import { keyringReplace, wrapsAdd } from './routes/keys.ts'
import { sessionDevice, sessionRevoke, sessionsList, sessionsRevokeOthers } from './routes/sessions.ts'
import { checkpointRead, commitAppend, commitsRead, headersRead, vaultHead, vaultRestore } from './routes/vaults.ts'

/** Every route of the API, by name. */
export const ROUTES = {
  info,
  registerStart,
  registerFinish,
  loginStart,
  loginFinish,
  logout,
  account,
  sessionsList,
  sessionDevice,
  sessionRevoke,
  sessionsRevokeOthers,
  blobsReserve,
  blobsParts,
  blobsComplete,
  blobsOpen,
  vaultHead,
  commitsRead,
  headersRead,
  checkpointRead,
  commitAppend,
  vaultRestore,
  keyringReplace,
  wrapsAdd,
} as const

export type RouteName = keyof typeof ROUTES
  auditRead,
