import { startOpaqueAhead } from '@strongroom/client/node/opaque-ahead'

/** Verbs that prove or set a password first of all. */
const VERBS = ['login', 'register', 'passwd']

/** Starts what takes longest to start, before anything else. */
export function startAhead(args: readonly string[]): void {
  const verb = args.find((arg) => !arg.startsWith('-'))
  if (verb !== undefined && VERBS.includes(verb)) startOpaqueAhead()
}
