/** What the process answers to its caller; scripts rely on these numbers. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  authentication: 4,
  integrity: 5,
  conflict: 6,
  network: 7,
  quota: 8,
  partlyDone: 9,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/**
 * Exit code of a command that works on several things, from the codes of those that failed.
 *
 * @param doneCount - how many things were done (or skipped on purpose)
 */
export function combinedExitCode(doneCount: number, failures: readonly ExitCode[]): ExitCode {
  const first = failures[0]
  if (first === undefined) return EXIT.done
  // Someone who tampered, or a press of Ctrl-C, must not drown in "partly done".
  if (failures.includes(EXIT.interrupted)) return EXIT.interrupted
  if (failures.includes(EXIT.integrity)) return EXIT.integrity
  if (doneCount > 0) return EXIT.partlyDone
  return failures.every((code) => code === first) ? first : EXIT.failed
}
