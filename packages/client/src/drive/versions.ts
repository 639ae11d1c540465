import { equalBytes, toHex } from '@strongroom/crypto'
import { type ContentRecord, currentVersion, type VaultNode, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import { deviceNameOf } from '../session/device-names.ts'
import { type DriveContext, newVersionId } from './context.ts'
import { entryOf, FILES_ONLY, type Found, needPath } from './lookup.ts'
import type { CallOptions, Entry, VersionEntry } from './types.ts'

/** The versions of a file, the newest first. @throws ClientError `not_found`, `is_a_folder`, `usage` */
export async function listVersions(
  context: DriveContext,
  path: string,
  options: CallOptions = {},
): Promise<VersionEntry[]> {
  await context.log.sync(options.signal)
  await context.log.flush()
  const { state } = context.log
  const { node } = needFile(state, path)
  return node.versions
    .map((version, index): VersionEntry => {
      const main = version.contents.find((content) => content.slot === 'main')
      return {
        number: index + 1,
        versionId: toHex(version.id),
        current: index === node.versions.length - 1,
        size: main?.size ?? 0,
        mtimeMs: version.mtimeMs,
        storedMs: version.timeMs,
        deviceId: toHex(version.deviceId),
        deviceName: deviceNameOf(state, version.deviceId),
        ...(version.mode === null ? {} : { mode: version.mode }),
      }
    })
    .reverse()
}

function needFile(state: VaultState, path: string): Found {
  const found = needPath(state, path)
  if (found.node.kind === 'folder')
    throw new ClientError('is_a_folder', 'A folder has no versions.', { details: FILES_ONLY })
  if (found.node.kind !== 'file') throw new ClientError('usage', 'Only files have versions.')
  return found
}

/**
 * A version of a file.
 *
 * @param which - its number (1 is the oldest that is left), or its id in hex
 * @throws ClientError `not_found`
 */
export function versionOf(node: VaultNode, which: number | string): VaultNode['versions'][number] {
  const version =
    typeof which === 'number'
      ? node.versions[which - 1]
      : node.versions.find((each) => toHex(each.id) === which.toLowerCase())
  if (version !== undefined) return version
  throw new ClientError('not_found', 'The file has no such version.', { details: { reason: 'no_such_version' } })
}

/** Entry and content of one version of a file. */
export function readableVersion(found: Found, which: number | string): { entry: Entry; record: ContentRecord } {
  if (found.node.kind === 'folder')
    throw new ClientError('is_a_folder', 'A folder has no versions.', { details: FILES_ONLY })
  const version = versionOf(found.node, which)
  const entry = entryOf({ ...found, node: { ...found.node, versions: [version] } })
  const record = version.contents.find((content) => content.slot === 'main')
  if (entry === null || record === undefined) throw new ClientError('not_found', 'The version has no content.')
  return { entry, record }
}

/**
 * Makes an old version the newest one again. Its content is shared, so nothing is uploaded; the versions in between
 * stay.
 */
export async function restoreVersion(
  context: DriveContext,
  path: string,
  which: number | string,
  options: CallOptions = {},
): Promise<Entry> {
  const { log } = context
  await log.sync(options.signal)
  const found = needFile(log.state, path)
  const { node } = found
  const { id, contents, mtimeMs, mode } = versionOf(node, which)
  const base = currentVersion(node)
  const versionId = newVersionId(context)
  if (base !== null && equalBytes(base.id, id)) return needFileEntry(found)
  await log.commit(
    () => ({
      operations: [
        {
          op: 'addVersion',
          nodeId: node.id,
          versionId,
          baseVersionId: base?.id ?? null,
          contents: [...contents],
          mtimeMs,
          mode,
        },
      ],
      contents: [],
    }),
    options.signal,
  )
  await log.flush()
  return needFileEntry(needFile(log.state, path))
}

function needFileEntry(found: Found): Entry {
  const entry = entryOf(found)
  if (entry === null) throw new ClientError('upgrade_required', 'This was made by a newer client.')
  return entry
}
