import { ClientError, checkRecoveryKey, type Drive, type Platform, type Session, Strongroom } from '@strongroom/client'
import { browserPlatform } from '@strongroom/client/browser'
import * as Comlink from 'comlink'
import { readBytes, serveDownload, serveMedia } from './downloads.ts'
import { innerWorkers, startThumbnailWorker } from './inner-workers.ts'
import { itemFacts, itemSum, subfolders, takenPaths } from './item-facts.ts'
import { keysService } from './keys.ts'
import { packRows, rowBuffers, sortEntries } from './pack-rows.ts'
import { type TabMemory, tabStore } from './tab-store.ts'
import { thumbnailMaker } from './thumbnail-maker.ts'
import { createThumbnails } from './thumbnails.ts'
import { createUploads } from './uploads.ts'
import {
  type AskCode,
  MOST_FOUND,
  type PackedRows,
  type Registration,
  type SignedInAs,
  type VaultApi,
} from './vault-api.ts'
import { reportingTransport, warmSearch, watchVault } from './watch.ts'

const MOST_RECENT = 200
const BY_NAME = { by: 'name', descending: false } as const

export interface ServiceInput {
  /** Origin of the server, which is that of the page. */
  readonly server: string
  /** How this browser is listed among the account's devices. */
  readonly deviceName: string
  readonly tab: TabMemory
}

/** The vault as the tab sees it: the only place in the app that holds keys. */
export function createService({ server, deviceName, tab }: ServiceInput): VaultApi {
  let tellConnection: (state: 'online' | 'offline') => void = () => undefined
  const browser = browserPlatform({ store: tabStore(tab), cookies: true, workers: innerWorkers })
  const { transport, state: connectionState } = reportingTransport(browser.transport, (state) => tellConnection(state))
  const platform: Platform = { ...browser, transport }
  let session: Session | null = null
  let watching: AbortController | null = null

  const need = (): Session => {
    if (session === null) throw new ClientError('authentication', 'Nobody is signed in.')
    return session
  }
  const drive = (): Drive => need().drive
  const thumbnails = createThumbnails(drive, thumbnailMaker(startThumbnailWorker))
  const uploads = createUploads(drive, thumbnails.uploaded)
  /** Whether the vault changed before the tab began to watch. */
  let changedUnseen = false
  let announce: () => void = () => {
    changedUnseen = true
  }
  let follow: () => void = () => undefined
  /** Runs a change and says that the vault changed. */
  const changing = async <T>(change: () => Promise<T>): Promise<T> => {
    const result = await change()
    announce()
    return result
  }
  let firstSync: Promise<unknown> | null = null
  const syncFirst = (): Promise<unknown> => {
    if (firstSync !== null) return firstSync
    const syncing = drive().sync()
    syncing.then((count) => count > 0 && announce()).catch(() => undefined)
    firstSync = syncing
    return syncing
  }
  /** What this device knows already is shown at once; a device that knows nothing waits for the server. */
  const known = async (): Promise<Drive> => {
    const syncing = syncFirst()
    if (await hasState(need())) return drive()
    await syncing
    // Reason: what the device knew may have gone since, with the site data that somebody took from the browser.
    if (!(await hasState(need()))) await drive().sync()
    return drive()
  }
  const begin = (started: Session): SignedInAs => {
    session = started
    firstSync = null
    const { login, accountId } = started.identity
    return { login, accountId }
  }
  /** Goes on in a new session where a change of the keys has closed the one before. */
  const renewing = async (change: () => Promise<void>): Promise<void> => {
    watching?.abort()
    try {
      await change()
      const resumed = await Strongroom.resume(platform)
      if (resumed !== null) begin(resumed)
    } finally {
      follow()
    }
    announce()
  }
  const transfer = (rows: PackedRows): PackedRows => Comlink.transfer(rows, rowBuffers(rows))

  return {
    async resume() {
      const resumed = await Strongroom.resume(platform, { ahead: true })
      if (resumed === null) return null
      const account = begin(resumed)
      // Before anything else is asked for, so that it finds the answer that is on its way; the tab loads meanwhile.
      void syncFirst()
      return account
    },
    async registration() {
      const answer = await fetch('/v1/info', { credentials: 'omit', cache: 'no-store' })
      const { registration } = (await answer.json()) as { registration: Registration }
      return registration
    },
    async register({ login, password, invite }, onRecoveryKey) {
      const input = { server, login, password, deviceName, platform, onRecoveryKey }
      return begin(await Strongroom.register(invite === null ? input : { ...input, invite }))
    },
    async logIn({ login, password }, onCode) {
      const onSecondFactor = codeAsker(onCode)
      return begin(await Strongroom.login({ server, login, password, deviceName, platform, onSecondFactor }))
    },
    async recover(input, onRecoveryKey, onCode) {
      const onSecondFactor = codeAsker(onCode)
      return begin(await Strongroom.recover({ ...input, server, deviceName, platform, onRecoveryKey, onSecondFactor }))
    },
    async misspelt(recoveryKey) {
      try {
        checkRecoveryKey(recoveryKey)
        return null
      } catch (error) {
        if (error instanceof ClientError && error.code === 'usage') return String(error.details.groups ?? '')
        throw error
      }
    },
    async logOut() {
      watching?.abort()
      thumbnails.stop()
      const ending = session
      session = null
      try {
        if (ending === null) await Strongroom.logout(platform)
        else await ending.logout()
      } finally {
        // Whatever the server says or does not say: this tab opens nothing any more.
        await platform.store.remove('profile')
        await ending?.close()
      }
    },
    async forget() {
      watching?.abort()
      thumbnails.stop()
      const ending = session
      session = null
      await ending?.close()
    },
    async deleteAccount(input) {
      watching?.abort()
      thumbnails.stop()
      const { receipt } = await need().deleteAccount(input)
      session = null
      return receipt
    },
    async account() {
      const { login, accountId, usedBytes, quotaBytes } = await need().whoami()
      return { login, accountId, usedBytes, quotaBytes }
    },
    async watch(changed, failed) {
      follow = () => {
        watching?.abort()
        const abort = new AbortController()
        watching = abort
        const { signal } = abort
        warmSearch(drive(), signal)
        announce = () => {
          changed()
          warmSearch(drive(), signal)
        }
        void watchVault(drive(), { changed: announce, failed, signal })
      }
      follow()
      if (changedUnseen) changed()
      changedUnseen = false
    },
    async connection(changed) {
      tellConnection = changed
      changed(connectionState())
    },
    async folder(path, sort) {
      return transfer(packRows(sortEntries((await known()).listLocal(path), sort), path))
    },
    async search(text) {
      const found = await drive().find(text, { limit: MOST_FOUND })
      return transfer(packRows(found, null))
    },
    async recent() {
      return transfer(packRows((await known()).newest(MOST_RECENT), null))
    },
    async favourites() {
      return transfer(packRows(sortEntries((await known()).favourites(), BY_NAME), null))
    },
    setFavourites: (nodeIds, marked) => changing(() => drive().setFavourites(nodeIds, marked)),
    async trashed() {
      return transfer(packRows(await drive().listTrash(), null))
    },
    async pathOf(nodeId) {
      return (await known()).entryById(nodeId)?.path ?? null
    },
    async idOf(path) {
      return (await (await known()).stat(path)).nodeId
    },
    facts: async (nodeId) => itemFacts(await known(), nodeId),
    serverView: (path) => drive().serverView(path),
    sumOf: async (nodeIds) => itemSum(await known(), nodeIds),
    makeFolder: (path) => changing(() => drive().mkdir(path)),
    makeFolders: (paths) => changing(() => drive().makeFolders(paths)),
    move: (moves, conflict) => changing(() => drive().moveMany(moves, conflict === null ? {} : { conflict })),
    copy: (copies) => changing(() => drive().copyMany(copies, { conflict: 'keep-both' })),
    trash: (paths) => changing(() => drive().trashMany(paths)),
    restore: (nodeIds) => changing(async () => (await drive().restoreMany(nodeIds)).map((entry) => entry.path)),
    emptyTrash: (nodeIds) =>
      changing(async () => (await drive().emptyTrash(nodeIds === null ? {} : { nodeIds })).entries.length),
    trashDays: async () => (await known()).retention().trashDays,
    versions: (path) => drive().versions(path),
    restoreVersion: (path, versionId) =>
      changing(async () => {
        await drive().restoreVersion(path, versionId)
      }),
    sessions: () => need().sessions(),
    revokeSession: (sessionId) => need().revokeSession(sessionId),
    revokeOtherSessions: () => need().revokeOtherSessions(),
    changePassword: (input) => need().changePassword(input),
    replaceRecoveryKey: (password, onRecoveryKey) => need().replaceRecoveryKey({ password, onRecoveryKey }),
    testRecoveryKey: (text) => need().testRecoveryKey(text),
    secondFactor: () => need().secondFactor.status(),
    async beginSecondFactor(password) {
      const setup = await need().secondFactor.begin({ password })
      return { ...setup, backupCodes: need().secondFactor.generateBackupCodes() }
    },
    async confirmSecondFactor({ enrolmentId, backupCodes }, code) {
      await need().secondFactor.confirm({ enrolmentId, code, backupCodes })
    },
    disableSecondFactor: (input) => need().secondFactor.disable(input),
    async activity() {
      const events = await need().audit()
      return events
        .reverse()
        .map(({ seq, timeMs, event, count, deviceName: name }) => ({ seq, timeMs, event, count, deviceName: name }))
    },
    ...keysService(need, changing, renewing),
    stateCode: async () => (await need().state()).code,
    async compareState(code) {
      await drive().sync()
      return (await need().compareState(code)).outcome
    },
    taken: async (paths) => takenPaths(await known(), paths),
    subfolders: async (path) => subfolders(await known(), path),
    async upload(items, conflict, onProgress) {
      await changing(() => uploads.run(items, conflict, onProgress))
    },
    async cancelUploads(ids) {
      uploads.cancel(ids)
    },
    media: (request) => serveMedia(drive(), request),
    async bytes(range) {
      const bytes = await readBytes(drive(), range)
      return Comlink.transfer(bytes, [bytes.buffer])
    },
    async followThumbnails(tell, failed) {
      thumbnails.follow((found) => tell(Comlink.transfer(found, [found.bytes.buffer])), failed)
    },
    async wantThumbnails(wishes, mayMake) {
      await known()
      thumbnails.want(wishes, mayMake)
    },
    download: (request) => serveDownload(drive(), request),
  }
}

/** Whether this device knows anything of the vault. */
async function hasState(session: Session): Promise<boolean> {
  try {
    return (await session.state()).seq >= 0
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return false
    throw error
  }
}

/** The tab rejects to give up; that is an interruption and no fault. */
function codeAsker(onCode: AskCode): (request: { readonly attempt: number }) => Promise<string> {
  return async ({ attempt }) => {
    try {
      return await onCode(attempt)
    } catch (cause) {
      throw new ClientError('aborted', 'The code was not given.', { cause })
    }
  }
}
