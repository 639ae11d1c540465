import { fileURLToPath } from 'node:url'

/** The key service that KMS_URL names. */
export type KeyServiceAddress =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'aws'; readonly region: string; readonly alias: string; readonly endpoint: string | null }
  | {
      readonly kind: 'pkcs11'
      readonly modulePath: string
      readonly token: string
      /** Label of the current key, and beginning of the labels of the others. */
      readonly object: string
      readonly pinFile: string
    }

/** What is wrong with a KMS_URL, as the end of a sentence that begins with the variable's name. */
export class KmsUrlError extends Error {}

const FORMS =
  'must be keyfile:///path, awskms://REGION/alias/NAME or pkcs11:token=NAME;object=LABEL?module-path=/path&pin-source=file:/path'

/** @throws KmsUrlError, which never repeats what was given */
export function parseKmsUrl(text: string): KeyServiceAddress {
  const scheme = /^([a-z0-9]+):/i.exec(text)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'file':
    case 'keyfile':
      return { kind: 'file', file: localPath(text.replace(/^keyfile:/i, 'file:')) }
    case 'awskms':
      return parseAws(text)
    case 'pkcs11':
      return parsePkcs11(text.slice('pkcs11:'.length))
    default:
      throw new KmsUrlError(FORMS)
  }
}

function localPath(text: string): string {
  try {
    return fileURLToPath(text)
  } catch {
    throw new KmsUrlError('must be a file: or keyfile: URL with an absolute path')
  }
}

function parseAws(text: string): KeyServiceAddress {
  const form = 'must be awskms://REGION/alias/NAME, with ?endpoint=https://… for a service that is not AWS itself'
  const match = /^awskms:\/\/([a-z]{2}(?:-[a-z]+)+-\d)\/(alias\/[a-zA-Z0-9/_-]{1,128})(?:\?(.*))?$/.exec(text)
  const [, region = '', alias = '', query = ''] = match ?? []
  if (match === null || alias.startsWith('alias/aws/')) throw new KmsUrlError(form)
  const parameters = new URLSearchParams(query)
  if ([...parameters.keys()].some((name) => name !== 'endpoint')) throw new KmsUrlError(form)
  const endpoint = parameters.get('endpoint')
  if (endpoint !== null && !isEndpoint(endpoint)) {
    throw new KmsUrlError('has an endpoint that is neither https: nor http: on this machine, or that has a path')
  }
  return { kind: 'aws', region, alias, endpoint: endpoint === null ? null : new URL(endpoint).origin }
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, search, username } = new URL(text)
  const local = ['localhost', '[::1]'].includes(hostname) || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  return (
    pathname === '/' && search === '' && username === '' && (protocol === 'https:' || (protocol === 'http:' && local))
  )
}

/** RFC 7512: path attributes separated by `;`, query attributes by `&`, values percent-encoded. */
function parsePkcs11(text: string): KeyServiceAddress {
  const [path = '', query = ''] = text.split('?', 2)
  const place = attributes(path, ';', ['token', 'object'])
  const access = attributes(query, '&', ['module-path', 'pin-source'])
  const token = required(place, 'token')
  const object = required(place, 'object')
  if (!/^[\w.-]{1,32}$/.test(object)) {
    throw new KmsUrlError('has an object that is no label of letters, digits, ., _ and -, at most 32')
  }
  const modulePath = required(access, 'module-path')
  if (!modulePath.startsWith('/')) throw new KmsUrlError('has a module-path that is not absolute')
  return { kind: 'pkcs11', modulePath, token, object, pinFile: pinFile(required(access, 'pin-source')) }
}

function attributes(text: string, separator: string, known: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of text.split(separator).filter((one) => one !== '')) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(0, at))
    if (name === 'pin-value') {
      throw new KmsUrlError(
        'must not hold the PIN: put it into a file that only this user can read, and name it by pin-source',
      )
    }
    if (!known.includes(name) || found.has(name)) {
      throw new KmsUrlError(
        'has a PKCS#11 attribute other than token, object, module-path and pin-source, or one twice',
      )
    }
    found.set(name, decoded(part.slice(at + 1)))
  }
  return found
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new KmsUrlError('has a value that is not percent-encoded as it should be')
  }
}

function required(found: ReadonlyMap<string, string>, name: string): string {
  const value = found.get(name)
  if (value === undefined || value === '') throw new KmsUrlError(`lacks the PKCS#11 attribute ${name}`)
  return value
}

function pinFile(source: string): string {
  if (source.startsWith('/')) return source
  if (!/^file:/i.test(source)) throw new KmsUrlError('has a pin-source that is not a file with an absolute path')
  return localPath(source)
}
