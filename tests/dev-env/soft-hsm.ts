import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isLeftOut, requirePackages } from './engines/install.ts'

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]
const PIN = '864209'

/** Whether this run leaves the tests with an HSM out; said by `STRONGROOM_WITHOUT=hsm`. */
export const WITHOUT_HSM = isLeftOut('hsm')

export interface SoftHsm {
  readonly modulePath: string
  /** Label of the token. */
  readonly token: string
  readonly pinFile: string
  /** Folder of the tokens. */
  readonly tokens: string
  /** What a process needs to find the tokens. */
  readonly env: { readonly SOFTHSM2_CONF: string }
  /** `KMS_URL` of this token. */
  readonly url: string
  dispose(): Promise<void>
}

/** The library of SoftHSM. @throws Error with one line where there is none */
function softHsmModule(): string {
  const find = () => MODULES.find((file) => existsSync(file))
  if (find() === undefined) requirePackages('hsm', ['softhsm2'])
  const found = find()
  if (found === undefined) throw new Error('softhsm2 is installed, but its library is not where it was looked for')
  return found
}

/** A token of its own in a temporary folder. */
export async function createSoftHsm(): Promise<SoftHsm> {
  const modulePath = softHsmModule()
  const folder = await mkdtemp(path.join(tmpdir(), 'strongroom-hsm-'))
  const [tokens, conf, pinFile] = ['tokens', 'softhsm2.conf', 'pin'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(tokens, { mode: 0o700 })
  await writeFile(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  await writeFile(pinFile, `${PIN}\n`, { mode: 0o600 })
  const env = { SOFTHSM2_CONF: conf }
  const token = 'Strongroom test'
  execFileSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', token, '--so-pin', '97531', '--pin', PIN, '--module', modulePath],
    { env: { ...process.env, ...env }, stdio: 'pipe' },
  )
  const place = `token=${encodeURIComponent(token)};object=strongroom`
  return {
    modulePath,
    token,
    pinFile,
    tokens,
    env,
    url: `pkcs11:${place}?module-path=${modulePath}&pin-source=file:${pinFile}`,
    dispose: () => rm(folder, { recursive: true, force: true }),
  }
}
