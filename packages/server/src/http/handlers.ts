import { PROTOCOL_VERSIONS } from '@strongroom/protocol'
import { readAccount } from '../domain/accounts/account.ts'
import {
  beginSecondFactor,
  confirmSecondFactor,
  disableSecondFactor,
  readSecondFactor,
  renewBackupCodes,
} from '../domain/accounts/enrolment.ts'
import { finishLogin, finishSecondFactor, loginHashOf, loginName, startLogin } from '../domain/accounts/login.ts'
import { finishRegistration, startRegistration } from '../domain/accounts/registration.ts'
import { readAudit } from '../domain/audit/read.ts'
import { completeBlobs } from '../domain/blobs/complete.ts'
import { openBlobs } from '../domain/blobs/open.ts'
import { presignParts } from '../domain/blobs/parts.ts'
import { reserveBlobs } from '../domain/blobs/reserve.ts'
import { appendCommit } from '../domain/commits/append.ts'
import { readCheckpoint } from '../domain/commits/checkpoints.ts'
import { confirmWraps } from '../domain/commits/confirm-wraps.ts'
import { awaitHead } from '../domain/commits/head-watch.ts'
import { readCommits, readHead, readHeaders } from '../domain/commits/read.ts'
import { restoreVault } from '../domain/commits/restore.ts'
import { appendsUnderWay } from '../domain/commits/under-way.ts'
import { addWraps } from '../domain/commits/wraps.ts'
import { replaceKeyring } from '../domain/keys/keyring.ts'
import { readServerKeys } from '../domain/keys/server-keys.ts'
import { ensureHalf, readHalf } from '../domain/sessions/halves.ts'
import { listSessions, revokeOtherSessions, revokeSession, setSessionDevice } from '../domain/sessions/list.ts'
import { countAttempt, forgiveAttempts, type RateLimit } from '../domain/sessions/rate-limit.ts'
import { endSession } from '../domain/sessions/sessions.ts'
import type { Handlers } from './binder.ts'
import { credentialHandlers, LOGINS_PER_NAME } from './credential-handlers.ts'
import { deletionHandlers } from './deletion-handlers.ts'
import { withParts } from './framed.ts'
import type { HandlerDeps } from './handler-deps.ts'

const MINUTE_MS = 60_000

/** Counts an attempt to log in or register against its address; for before the body is read. */
export function createGate(deps: HandlerDeps): (address: string) => Promise<void> {
  const limit: RateLimit = { name: 'address', points: deps.attemptsPerMinute, windowMs: MINUTE_MS }
  return (address) => countAttempt(deps, limit, address)
}

/** Every route's handler: a few lines over the domain. */
export function createHandlers(deps: HandlerDeps): Handlers {
  // Whoever knows the password may log in as often as they like.
  const forgiven = async <T extends { accountId: Uint8Array }>(loggedIn: T): Promise<T> => {
    await forgiveAttempts(deps, LOGINS_PER_NAME, await loginHashOf(deps, loggedIn.accountId))
    return loggedIn
  }
  const appending = { ...deps, appends: appendsUnderWay() }
  return {
    ...credentialHandlers(deps),
    ...deletionHandlers(deps),
    info: async () => ({
      protocolVersions: [...PROTOCOL_VERSIONS],
      opaquePublicKey: deps.setup.opaquePublicKey,
      receiptKey: deps.setup.receiptPublicKey,
      registration: deps.registration,
      storeOrigins: [...deps.store.origins],
      timeMs: deps.clock.nowMs(),
    }),
    registerStart: async ({ body }) => {
      await countAttempt(deps, LOGINS_PER_NAME, deps.setup.userIdentifier(loginName(body.login)))
      return startRegistration(deps, body)
    },
    registerFinish: ({ body }) => finishRegistration(deps, body),
    loginStart: async ({ body }) => {
      await countAttempt(deps, LOGINS_PER_NAME, deps.setup.userIdentifier(loginName(body.login)))
      return startLogin(deps, body)
    },
    loginFinish: async ({ body }) => {
      const answer = await finishLogin(deps, body)
      if ('secondFactor' in answer) return answer
      return forgiven(answer)
    },
    loginSecondFactor: async ({ body }) => forgiven(await finishSecondFactor(deps, body)),
    logout: async ({ session }) => {
      await endSession(deps, session)
      return {}
    },
    account: ({ session }) => readAccount(deps, session.accountId),
    auditRead: ({ query, session }) => readAudit(deps, session.accountId, query.from),
    sessionsList: async ({ session }) => ({ sessions: await listSessions(deps, session) }),
    sessionDevice: async ({ body, session }) => {
      await setSessionDevice(deps, session, body.deviceId)
      return {}
    },
    sessionRevoke: async ({ params, session }) => {
      await revokeSession(deps, session, params.sessionId)
      return {}
    },
    sessionsRevokeOthers: async ({ session }) => ({ revoked: await revokeOtherSessions(deps, session) }),
    sessionHalf: async ({ session }) => ({ serverHalf: await readHalf(deps, session) }),
    sessionHalfEnsure: async ({ session }) => ({ serverHalf: await ensureHalf(deps, session) }),
    secondFactorRead: ({ session }) => readSecondFactor(deps, session.accountId),
    secondFactorBegin: ({ body, session }) => beginSecondFactor(deps, session, body.proof),
    secondFactorConfirm: async ({ body, session }) => {
      await confirmSecondFactor(deps, session, body)
      return {}
    },
    secondFactorDisable: async ({ body, session }) => {
      await disableSecondFactor(deps, session, body)
      return {}
    },
    secondFactorCodes: async ({ body, session }) => {
      await renewBackupCodes(deps, session, body)
      return {}
    },
    blobsReserve: async ({ body, payload, session }) => {
      const blobs = withParts(body.blobs, payload)
      await deps.prepareUpload(session.accountId)
      return { blobs: await reserveBlobs(deps, session.accountId, blobs) }
    },
    blobsParts: async ({ body, session }) => {
      const parts = await presignParts(deps, session.accountId, body.parts)
      return { parts: parts.map((part) => ({ ...part, headers: { ...part.headers } })) }
    },
    blobsComplete: async ({ body, session }) => {
      await completeBlobs(deps, session.accountId, body.blobs)
      return {}
    },
    blobsOpen: async ({ body, session }) => ({
      blobs: await openBlobs(deps, { vaultId: body.vaultId, accountId: session.accountId }, body.blobIds),
    }),
    vaultHead: ({ params, query, session, signal }) => {
      const { vaultId } = params
      if (query.after !== undefined) return awaitHead(deps, { vaultId, session }, query.after, signal)
      return readHead(deps, { vaultId, accountId: session.accountId })
    },
    commitsRead: ({ params, query, session }) =>
      readCommits(deps, { vaultId: params.vaultId, accountId: session.accountId }, query),
    headersRead: ({ params, query, session }) =>
      readHeaders(deps, { vaultId: params.vaultId, accountId: session.accountId }, query),
    checkpointRead: ({ params, session }) =>
      readCheckpoint(deps, { vaultId: params.vaultId, accountId: session.accountId }),
    commitAppend: async ({ params, body, session }) => {
      const head = await appendCommit(appending, {
        vaultId: params.vaultId,
        accountId: session.accountId,
        sessionId: session.id,
        ...body,
      })
      deps.heads.moved(params.vaultId)
      return head
    },
    vaultRestore: async ({ params, body, session }) => {
      const restored = await restoreVault(deps, {
        vaultId: params.vaultId,
        accountId: session.accountId,
        sessionId: session.id,
        ...body,
      })
      deps.heads.moved(params.vaultId)
      return restored
    },
    keyringReplace: ({ body, session }) => replaceKeyring(deps, session, body),
    wrapsConfirm: ({ body, session }) => confirmWraps(deps, session.accountId, body),
    serverKeys: ({ session }) => readServerKeys(deps, session.accountId),
    wrapsAdd: ({ body, session }) =>
      addWraps(deps, { vaultId: body.vaultId, accountId: session.accountId }, body.wraps),
  }
}
