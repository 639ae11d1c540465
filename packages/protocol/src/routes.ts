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
import {
  credentialsChange,
  credentialsRead,
  credentialsStart,
  recoveryFinish,
  recoveryOpen,
  recoveryStart,
  recoveryTested,
} from './routes/credentials.ts'
import { accountDelete, receiptRead } from './routes/deletion.ts'
import { info } from './routes/info.ts'
import { keyringReplace, serverKeys, wrapsAdd, wrapsConfirm } from './routes/keys.ts'
import {
  secondFactorBegin,
  secondFactorCodes,
  secondFactorConfirm,
  secondFactorDisable,
  secondFactorRead,
} from './routes/second-factor.ts'
import {
  sessionDevice,
  sessionHalf,
  sessionHalfEnsure,
  sessionRevoke,
  sessionsList,
  sessionsRevokeOthers,
} from './routes/sessions.ts'
import { checkpointRead, commitAppend, commitsRead, headersRead, vaultHead, vaultRestore } from './routes/vaults.ts'

/** Every route of the API, by name. */
export const ROUTES = {
  info,
  registerStart,
  registerFinish,
  loginStart,
  loginFinish,
  loginSecondFactor,
  logout,
  account,
  auditRead,
  accountDelete,
  receiptRead,
  sessionsList,
  sessionDevice,
  sessionRevoke,
  sessionsRevokeOthers,
  sessionHalf,
  sessionHalfEnsure,
  secondFactorRead,
  secondFactorBegin,
  secondFactorConfirm,
  secondFactorDisable,
  secondFactorCodes,
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
  serverKeys,
  wrapsAdd,
  wrapsConfirm,
  credentialsStart,
  credentialsRead,
  credentialsChange,
  recoveryTested,
  recoveryOpen,
  recoveryStart,
  recoveryFinish,
} as const

export type RouteName = keyof typeof ROUTES
