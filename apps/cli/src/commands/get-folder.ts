import type { Stats } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import type { Entry, TreeSink } from '@strongroom/client'
import { treeSink } from '@strongroom/client/node'
import { isAboutLocalFile } from '../errors.ts'
import { localChild, lstatOrNull, makeLocalFolder, refuseLink, resolveLocalConflict } from '../local-target.ts'
import type { GetItem, GetTask } from './get-task.ts'

/** An entry below the folder, and where it goes. */
interface Plan {
  readonly entry: Entry
  /** Relative to the folder, `/`-separated. */
  readonly path: string
  readonly localPath: string
  readonly outcome: 'done' | 'skipped'
}

/**
 * Downloads a folder into `local`, as `local/name`; what is there already with the same size and time is skipped. A
 * symbolic link comes as one. Failures of single files go to the task's list.
 */
export async function getFolder(task: GetTask, folder: Entry, local: string): Promise<GetItem[]> {
  const { context, drive, options } = task
  const { signal } = context
  const isTree = folder.kind === 'folder'
  // A single link is fetched as a tree of one, through its parent, by the same careful sink.
  const root = isTree ? folder.path : folder.path.slice(0, folder.path.lastIndexOf('/')) || '/'
  const top = isTree && folder.path !== '/' ? localChild(local, folder.name) : local
  if (top !== local) await refuseLink(top)
  const entries = isTree ? await drive.list(root, { signal, recursive: true }) : [folder]
  const isNew = (await lstatOrNull(top)) === null
  const plans = await planEntries(task, entries, { root, top, isNew })
  const items = plans
    .filter((plan) => plan.entry.kind !== 'folder')
    .map((plan) => ({
      path: plan.entry.path,
      localPath: plan.localPath,
      outcome: plan.outcome,
      size: plan.entry.size,
    }))
  if (options.dryRun) return items
  await makeLocalFolder(top)
  const wanted = new Map(plans.filter((plan) => plan.outcome === 'done').map((plan) => [plan.entry.path, plan]))
  const result = await drive.getTree(root, renamingSink(top, wanted.values()), {
    ...options.transfer,
    onProgress: task.onProgress,
    filter: (entry) => wanted.has(entry.path),
  })
  for (const { path, error } of result.failures) {
    const localPath = isAboutLocalFile(error) ? wanted.get(path)?.localPath : undefined
    task.failures.add(localPath ?? path, error)
  }
  const failed = new Set(result.failures.map((failure) => failure.path))
  return items.filter((item) => !failed.has(item.path))
}

interface Place {
  /** Path of the folder in the vault. */
  readonly root: string
  /** Path of the folder here. */
  readonly top: string
  /** Whether there is nothing here yet, so that nothing below has to be looked at. */
  readonly isNew: boolean
}

async function planEntries(task: GetTask, entries: readonly Entry[], { root, top, isNew }: Place): Promise<Plan[]> {
  const { options } = task
  const start = root === '/' ? 1 : root.length + 1
  const plans: Plan[] = []
  for (const entry of entries) {
    const path = entry.path.slice(start)
    if (path === '') continue
    const localPath = localChild(top, path)
    if (entry.kind === 'folder') {
      if (!options.filter.excludesFolder(path)) plans.push({ entry, path, localPath, outcome: 'done' })
    } else if (options.filter.includes(path)) {
      try {
        const plan = { entry, path, localPath, outcome: 'done' } as const
        plans.push(isNew ? plan : await planFile(task, plan))
      } catch (error) {
        task.failures.add(entry.path, error)
      }
    }
  }
  return options.emptyFolders ? plans : withoutEmptyFolders(plans)
}

/** What is to be done for a file below a folder that is here. */
async function planFile(task: GetTask, plan: Plan): Promise<Plan> {
  const { entry, localPath } = plan
  const there = await lstatOrNull(localPath)
  if (there === null) return plan
  if (await isUnchanged(entry, localPath, there)) return { ...plan, outcome: 'skipped' }
  const target = await resolveLocalConflict(localPath, task.options.conflict)
  return target === null ? { ...plan, outcome: 'skipped' } : { ...plan, localPath: target }
}

/** Same size and time to the millisecond; for links the same target. */
async function isUnchanged(entry: Entry, localPath: string, stats: Stats): Promise<boolean> {
  if (entry.kind === 'symlink') return stats.isSymbolicLink() && (await readlink(localPath)) === entry.target
  return stats.isFile() && stats.size === entry.size && Math.floor(stats.mtimeMs) === entry.mtimeMs
}

function withoutEmptyFolders(plans: readonly Plan[]): Plan[] {
  const needed = new Set<string>()
  for (const plan of plans) {
    if (plan.entry.kind === 'folder') continue
    for (let end = plan.path.lastIndexOf('/'); end > 0; end = plan.path.lastIndexOf('/', end - 1)) {
      needed.add(plan.path.slice(0, end))
    }
  }
  return plans.filter((plan) => plan.entry.kind !== 'folder' || needed.has(plan.path))
}

/** The platform's careful sink, but files that must not replace others go to the free name that was found. */
function renamingSink(top: string, plans: Iterable<Plan>): TreeSink {
  // Replacing was decided file by file, above.
  const sink = treeSink(top, { overwrite: true })
  const renamed = new Map<string, string>()
  for (const plan of plans) {
    const target = relative(top, plan.localPath).split(sep).join('/')
    if (target !== plan.path) renamed.set(plan.path, target)
  }
  return {
    ...sink,
    file: (path) => sink.file(renamed.get(path) ?? path),
    symlink: (path, target) => sink.symlink(renamed.get(path) ?? path, target),
  }
}
