import type { Config } from '@strongroom/server'

/** Why a server did not start: one line that says what to do. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
  }
}

/** Errors whose own message is such a line already. */
const PLAIN = ['EmbeddedDatabaseError', 'KeyManagementError', 'BlobStoreError', 'StartError', 'DatabaseError']

function field(error: Error, name: 'code' | 'syscall' | 'path' | 'hostname'): string {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : ''
}

function listenLine(code: string, { host, port }: Config): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use; stop what uses it, or set PORT to another (0 takes a free one).`
    case 'EACCES':
      return `Port ${port} may not be used by this user; set PORT to one above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST ${host} is not an address of this machine.`
    default:
      return null
  }
}

function folderLine(code: string, place: string, { dataDir }: Config): string | null {
  const folder = place === '' || place.startsWith(dataDir) ? `data folder ${dataDir}` : `place ${place}`
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `The ${folder} cannot be written by this user; give it the rights or name another by STRONGROOM_DATA.`
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk that holds the ${folder} is full; free some room and start again.`
    case 'ENOENT':
      return `The ${folder} cannot be made there; name another by STRONGROOM_DATA.`
    case 'ENOTDIR':
    case 'EEXIST':
      return `The ${folder} cannot be made, because a file is in its place; name another by STRONGROOM_DATA.`
    default:
      return null
  }
}

/** What is wrong with the key that the server's own secrets are wrapped under. */
function keyServiceLine(code: string, { kms }: Config): string | null {
  const place = { file: 'key file', aws: 'AWS KMS', pkcs11: 'token' }[kms.kind]
  switch (code) {
    case 'key_not_found':
      return kms.kind === 'file'
        ? `The key file ${kms.file} lacks the key that this data was sealed with; put its backup in its place.`
        : `The ${place} of KMS_URL lacks the key that this data was sealed with; name the one that has it.`
    case 'key_unusable':
      return `The key of the ${place} that this data was sealed with is disabled or to be destroyed; enable it, then start again.`
    case 'invalid_ciphertext':
      return `The ${place} of KMS_URL cannot open this data: it was sealed by another key service, or changed.`
    default:
      return null
  }
}

/** Whether it is about the address to listen on, and not about one of a database or a store. */
function isOwnAddress(error: Error, { host }: Config): boolean {
  const call = field(error, 'syscall')
  return call === 'listen' || call === 'bind' || (call === 'getaddrinfo' && field(error, 'hostname') === host)
}

/** Turns whatever stopped a start into one line for the terminal. */
export function explain(error: unknown, config: Config): StartError {
  if (!(error instanceof Error)) return new StartError('The server did not start.', { cause: error })
  if (error instanceof StartError) return error
  const keyLine = error.name === 'KeyManagementError' ? keyServiceLine(field(error, 'code'), config) : null
  if (keyLine !== null) return new StartError(keyLine, { cause: error })
  if (PLAIN.includes(error.name)) return new StartError(error.message, { cause: error })
  const code = field(error, 'code')
  const line = isOwnAddress(error, config) ? listenLine(code, config) : folderLine(code, field(error, 'path'), config)
  if (line !== null) return new StartError(line, { cause: error })
  const [first = ''] = error.message.split('\n')
  if (config.databaseUrl !== null && (code !== '' || first === '')) {
    return new StartError(`The database that DATABASE_URL names cannot be used: ${first || code}.`, { cause: error })
  }
  return new StartError(`The server did not start: ${first || error.name}.`, { cause: error })
}
