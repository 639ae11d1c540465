// Loaded into a server before its own code (`node --import`): SIGUSR2 begins a CPU profile, the next one writes it to
// the file that BENCH_PROFILE names. So a profile holds requests alone, and not how the server started.
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

const file = process.env.BENCH_PROFILE ?? ''
const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.setSamplingInterval', { interval: 500 })
let running = false
process.on('SIGUSR2', () => {
  running = !running
  if (running) {
    session.post('Profiler.start')
    return
  }
  session.post('Profiler.stop', (error, answer) => {
    if (error !== null) throw error
    // Whoever waits for the file finds all of it.
    writeFileSync(`${file}.new`, JSON.stringify(answer.profile))
    renameSync(`${file}.new`, file)
  })
})
