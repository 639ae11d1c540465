import path from 'node:path'
import type { Config } from '@strongroom/server'

/** What a start tells whoever is looking: address, data, what to back up, and what to do next. */
export function greeting(url: string, config: Config): string {
  const database = config.databaseUrl === null ? path.join(config.dataDir, 'postgres') : 'the database of DATABASE_URL'
  const address = `STRONGROOM_SERVER=${config.publicUrl ?? url}`
  const next = {
    open: `Next: ${address} npx strongroom register YOU@EXAMPLE.ORG`,
    invite: `Next: make a code by "npx strongroom admin invite"; with it: ${address} npx strongroom register`,
    closed: `Next: start with REGISTRATION=open to let accounts be made, or sign in: ${address} npx strongroom login`,
  }[config.registration]
  const { kms } = config
  const blobs = config.blobs.kind === 'file' ? config.blobs.folder : `the bucket ${config.blobs.bucket}`
  const backup =
    kms.kind === 'file' ? `${database}, ${blobs} and, apart from them, ${kms.file}` : `${database} and ${blobs}`
  const keys = { file: 'key file', aws: 'keys in AWS KMS', pkcs11: 'keys on the token' }[kms.kind]
  return [
    `Strongroom serves ${url}`,
    `Data folder: ${config.dataDir}`,
    `Back up: npx strongroom admin backup FOLDER, at any time; or, with the server stopped, copy ${backup}`,
    `Without the ${keys} nothing opens, and whoever runs this server can destroy what it holds.`,
    next,
    '',
  ].join('\n')
}
