import { ConfigError } from '@strongroom/server'
import { main, StartError } from './main.ts'

/** Exit codes as the command line has them: 0 done, 1 failed, 2 wrong settings. */
try {
  await main()
  process.exit(0)
} catch (error) {
  const known = error instanceof ConfigError || error instanceof StartError
  process.stderr.write(
    `strongroom: ${known ? error.message : 'the server failed for a reason that it does not know.'}\n`,
  )
  // Reason: outside of the known errors the stack is all there is to report.
  if (!known) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(error instanceof ConfigError ? 2 : 1)
}
