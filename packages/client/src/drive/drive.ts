import { attach } from './attach.ts'
import { changesOf } from './changes.ts'
import type { DriveContext } from './context.ts'
import { factsOf } from './facts.ts'
import { favouritesOf, setFavourites } from './favourites.ts'
import { findEntries } from './find.ts'
import { getFile, getRange, getTree } from './get.ts'
import { childrenOf, descendants, entryById, entryOf, needPath, newestEntries } from './lookup.ts'
import { copyMany, makeFolders, moveMany, restoreMany, trashMany } from './many.ts'
import { putFile } from './put.ts'
import { putTree } from './put-tree.ts'
import { policyOf, setPolicy, tidy } from './retention.ts'
import { serverViewOf } from './server-view.ts'
import { readSlots, slotsOf } from './slots.ts'
import { emptyTrash, listTrash, restorePath } from './trash.ts'
import { copyPath, makeFolder, movePath, needEntry, purgePath, trashPath } from './tree-verbs.ts'
import type { CallOptions, Drive, Entry } from './types.ts'
import { usageOf } from './usage.ts'
import { listVersions, restoreVersion } from './versions.ts'

/** The verbs over one vault. */
export function createDrive(context: DriveContext): Drive {
  const refresh = async (signal: AbortSignal | undefined): Promise<number> => {
    const count = await context.log.sync(signal)
    await context.log.flush()
    return count
  }
  return {
    sync: (options) => refresh(options?.signal),
    changes: (options) => changesOf(context, refresh, options),
    async list(path, options) {
      await refresh(options?.signal)
      return listPath(context, path, options)
    },
    listLocal: (path, options) => listPath(context, path, options),
    newest: (most) => newestEntries(context.log.state, most),
    entryById: (nodeId) => entryById(context.log.state, nodeId),
    facts: (nodeId) => factsOf(context.log.state, nodeId),
    slots: (nodeId) => slotsOf(context.log.state, nodeId),
    attach: (slot, attachments, options) => attach(context, slot, attachments, options),
    readSlots: (slot, nodeIds, options) => readSlots(context, slot, nodeIds, options),
    serverView: (path, options) => serverViewOf(context, path, options),
    async stat(path, options) {
      await refresh(options?.signal)
      return needEntry(context.log.state, path)
    },
    favourites: () => favouritesOf(context.log.state),
    setFavourites: (nodeIds, marked, options) => setFavourites(context, nodeIds, marked, options),
    mkdir: (path, options) => makeFolder(context, path, options),
    makeFolders: (paths, options) => makeFolders(context, paths, options),
    moveMany: (moves, options) => moveMany(context, moves, options),
    copyMany: (copies, options) => copyMany(context, copies, options),
    trashMany: (paths, options) => trashMany(context, paths, options),
    restoreMany: (nodeIds, options) => restoreMany(context, nodeIds, options),
    move: (from, to, options) => movePath(context, from, to, options),
    copy: (from, to, options) => copyPath(context, from, to, options),
    trash: (path, options) => trashPath(context, path, options),
    listTrash: (options) => listTrash(context, options),
    restore: (what, options) => restorePath(context, what, options),
    emptyTrash: (options) => emptyTrash(context, options),
    versions: (path, options) => listVersions(context, path, options),
    restoreVersion: (path, version, options) => restoreVersion(context, path, version, options),
    find: (pattern, options) => findEntries(context, pattern, options),
    retention: () => policyOf(context.log.state),
    setRetention: (change, options) => setPolicy(context, change, options),
    tidy: (options) => tidy(context, options),
    usage: () => usageOf(context.log.state),
    purge: (path, options) => purgePath(context, path, options),
    put: (source, path, options) => putFile(context, source, path, options),
    putTree: (items, options) => putTree(context, items, options),
    get: (path, sink, options) => getFile(context, path, sink, options),
    getTree: (path, sink, options) => getTree(context, path, sink, options),
    getRange: (path, range, options) => getRange(context, path, range, options),
  }
}

function listPath(context: DriveContext, path: string, options?: CallOptions & { recursive?: boolean }): Entry[] {
  const { state } = context.log
  const top = needPath(state, path)
  if (top.node.kind !== 'folder') return [needEntry(state, path)]
  const below = options?.recursive
    ? descendants(state, top)
    : childrenOf(state, top.node).map((node) => ({ node, names: [...top.names, node.name] }))
  const entries: Entry[] = []
  for (const found of below) {
    const entry = entryOf(found)
    if (entry !== null) entries.push(entry)
  }
  return entries
}
