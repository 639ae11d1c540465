import { setFlagsFromString } from 'node:v8'
import { ConfigError } from '@strongroom/server'
import { main, StartError } from './main.ts'

// Reason: when a server has nothing to do, V8 shrinks its heap and lets it grow by a tenth from then on. All that passes
// through in buffers counts as growth, so from the first pause on it would collect the whole heap for every 30 MB of a
// file: seven times the processor time of a download. Now it collects when there is three times of what was alive.
setFlagsFromString('--heap-growing-percent=200')

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
