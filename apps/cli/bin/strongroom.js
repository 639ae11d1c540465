#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`strongroom: Node 20.19 or newer is needed; this is ${process.versions.node}.`)
  process.exit(1)
}

// Until the command line listens itself.
const interrupted = () => process.exit(130)
process.on('SIGINT', interrupted).on('SIGTERM', interrupted)

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const { version } = JSON.parse(readFileSync(here('../package.json'), 'utf8'))
// In a clone the sources are at hand: what is run is always built from them. The packed package holds only the result.
const buildScript = here('../../../scripts/build.mjs')
const inClone = existsSync(buildScript) && existsSync(here('../src/main.ts'))

/** An optional package: whoever only stores files does without it. */
const SERVER_PACKAGE = 'strongroom-server'

function serverInstalled() {
  if (inClone) return true
  try {
    return import.meta.resolve(SERVER_PACKAGE) !== ''
  } catch {
    return false
  }
}

async function build(app) {
  const { buildApps } = await import('../../../scripts/build.mjs')
  await buildApps([app])
}

/** The start function of the server: from the clone, else from a package beside this one; null when there is none. */
async function findServer() {
  if (inClone) {
    await build('server')
    return import('../../server/dist/main.js')
  }
  try {
    return await import(SERVER_PACKAGE)
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return null
    throw error
  }
}

/** Verbs that prove or set a password first of all: what takes longest to start is started before all else. */
const PASSWORD_VERBS = ['login', 'register', 'passwd']

function startOpaque() {
  const verb = process.argv.slice(2).find((argument) => !argument.startsWith('-'))
  if (!PASSWORD_VERBS.includes(verb)) return undefined
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const worker = new Worker(new URL('../dist/opaque-worker.js', import.meta.url), { workerData: 'ahead' })
  worker.unref()
  // Who asks for it begins it anew, and is told why.
  worker.on('error', () => undefined)
  return worker
}

let main
let opaque
try {
  if (inClone) await build('cli')
  opaque = startOpaque()
  main = await import('../dist/main.js')
} catch (error) {
  const missing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'ENOENT'
  console.error(
    `strongroom: Cannot start (${error.code ?? error.name})${inClone && missing ? '; run "npm ci" first' : ''}.`,
  )
  process.exit(1)
}
process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
await main.runCli({ args: process.argv.slice(2), version, findServer, serverInstalled: serverInstalled(), opaque })
