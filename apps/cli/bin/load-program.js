// Loads the bundled program. What V8 made of it for a command is kept beside it, and need not be made again for the next
// command of that name: a third of the time of a short one.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

const DIGEST_LENGTH = 32
const WRAPPER = '(function (exports, require, module, bundleUrl) {'

/**
 * The exports of a bundle in CommonJS, which is ASCII.
 *
 * Reason for CommonJS: V8's code cache is not to be had for ESM before Node 22.
 */
export function loadProgram(url) {
  const file = fileURLToPath(url)
  const source = readFileSync(file)
  const hash = createHash('sha256').update(source)
  const kept = cacheFile(file)
  const cachedData = kept === null ? undefined : readCache(kept, hash)
  const script = new vm.Script(`${WRAPPER}${source.toString('latin1')}\n})`, {
    filename: file,
    columnOffset: -WRAPPER.length,
    cachedData,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  if (kept !== null && cachedData === undefined) {
    process.once('exit', (code) => {
      if (code === 0) writeCache(kept, hash, script)
    })
  }
  const module = { exports: {} }
  script.runInThisContext().call(module.exports, module.exports, createRequire(file), module, String(url))
  return module.exports
}

/** Each verb has its own, because V8 keeps what it compiled in one run; null for what is no verb. */
function cacheFile(file) {
  const verb = process.argv.slice(2).find((argument) => !argument.startsWith('-')) ?? 'none'
  return /^[a-z][a-z-]{0,19}$/.test(verb) ? `${file}.${verb}-${process.version}-${process.arch}.cache` : null
}

/** Undefined unless it was made of this very source and arrived on the disk whole; V8 itself looks only at lengths. */
function readCache(kept, hash) {
  try {
    const bytes = readFileSync(kept)
    const data = bytes.subarray(DIGEST_LENGTH)
    return timingSafeEqual(hash.copy().update(data).digest(), bytes.subarray(0, DIGEST_LENGTH)) ? data : undefined
  } catch {
    return undefined
  }
}

/** Where the folder is not ours to write, commands start as they did before. */
function writeCache(kept, hash, script) {
  const temporary = `${kept}.new-${process.pid}`
  try {
    const data = script.createCachedData()
    writeFileSync(temporary, Buffer.concat([hash.copy().update(data).digest(), data]))
    renameSync(temporary, kept)
  } catch {
    rmSync(temporary, { force: true })
  }
}
