// `npm start`: installs and builds what is missing or has changed, then runs the server in this process.
import { installDependencies, requireNode } from './install.mjs'

requireNode()
installDependencies()
try {
  const { buildApps } = await import('./build.mjs')
  await buildApps(['server', 'web'])
} catch (error) {
  console.error(`The build failed: ${error.message}`)
  process.exit(1)
}
if (process.env.npm_lifecycle_event !== undefined) {
  // Reason: npm runs a script below a shell, and a shell that is told to end does not tell what it runs.
  const shell = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 250).unref()
}
await import(new URL('../apps/server/dist/run.js', import.meta.url).href)
