// `npm start`: installs and builds what is missing or has changed, then runs the server in this process.
import { installDependencies, requireNode } from './install.mjs'

requireNode()
installDependencies()
try {
  const { buildApps } = await import('./build.mjs')
  await buildApps(['server'])
} catch (error) {
  console.error(`The build failed: ${error.message}`)
  process.exit(1)
}
await import(new URL('../apps/server/dist/run.js', import.meta.url).href)
