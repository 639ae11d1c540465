import { existsSync, mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** What the bench was asked for. */
export interface Settings {
  readonly full: boolean
  readonly quick: boolean
  readonly json: boolean
  readonly help: boolean
  /** Whether peers that are missing are installed first. */
  readonly peers: boolean
  readonly charts?: string | undefined
  /** Names of tasks, whole. */
  readonly only?: RegExp | undefined
  readonly flames?: string | undefined
  /** Whether nothing else was asked for. */
  readonly isOnlyPeers: boolean
  /** Suites; all of them where none is named. */
  readonly named: readonly string[]
}

/** A flag or a name that cannot be; its message is a line for who typed it. */
export class SettingsError extends Error {}

const BOOLEAN = { type: 'boolean', default: false } as const
const TEXT = { type: 'string' } as const
const OPTIONS = {
  full: BOOLEAN,
  quick: BOOLEAN,
  json: BOOLEAN,
  help: { ...BOOLEAN, short: 'h' },
  peers: BOOLEAN,
  charts: TEXT,
  only: TEXT,
  flames: TEXT,
} as const

/** @throws SettingsError */
export function readSettings(parameters: readonly string[]): Settings {
  const { values, positionals } = parsed(parameters)
  if (values.full && values.quick) throw new SettingsError('--full and --quick exclude each other.')
  return {
    ...values,
    only: pattern(values.only),
    named: positionals,
    isOnlyPeers: values.peers && parameters.every((each) => each === '--peers'),
  }
}

function parsed(parameters: readonly string[]) {
  try {
    return parseArgs({ args: [...parameters], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // Node tells more than the problem in further sentences.
    const problem = error instanceof Error ? error.message.split('. ')[0] : ''
    throw new SettingsError(`${problem}.`)
  }
}

/** Reason: names begin alike, so that a pattern for a part of one would match its neighbours as well. */
function pattern(text: string | undefined): RegExp | undefined {
  try {
    return text === undefined ? undefined : new RegExp(`^(?:${text})$`)
  } catch {
    throw new SettingsError('--only takes a regular expression.')
  }
}

/**
 * Checks names of suites, and of tasks against those that the named suites have.
 *
 * @param suites - names of tasks by suite
 * @throws SettingsError
 */
export function checkNames(settings: Settings, suites: ReadonlyMap<string, readonly string[]>): void {
  const { named, only, flames } = settings
  const unknown = named.filter((name) => !suites.has(name))
  if (unknown.length > 0) throw new SettingsError(`There is no suite ${unknown.join(', ')}.`)
  const tasks = [...suites].flatMap(([name, own]) => (named.length === 0 || named.includes(name) ? own : []))
  if ((only !== undefined || flames !== undefined) && tasks.length === 0) {
    const having = [...suites].flatMap(([name, own]) => (own.length > 0 ? [name] : []))
    throw new SettingsError(`--only and --flames are of the suite ${having.join(', ')}.`)
  }
  if (only === undefined || tasks.some((task) => only.test(task))) return
  throw new SettingsError(`--only: no task has such a name. There are:\n  ${tasks.join('\n  ')}`)
}

/**
 * Makes a folder that pictures will be written to.
 *
 * @throws SettingsError where it cannot be made, or not be written to
 */
export function makeFolder(flag: string, path: string): void {
  try {
    makeEach(resolve(path))
    // Reason: permissions say little of a superuser, and nothing of the file system.
    rmdirSync(mkdtempSync(join(path, 'sr-')))
  } catch {
    throw new SettingsError(`${flag}: the folder cannot be made or written to.`)
  }
}

/** One folder after the other: Node's own way never ends where a file system says of a folder it has that it is missing. */
function makeEach(path: string): void {
  if (existsSync(path)) return
  makeEach(dirname(path))
  mkdirSync(path)
}
