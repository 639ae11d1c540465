import { KeyManagementError, type KeyManagementErrorCode } from '../../ports/index.ts'

/** Errors of AWS KMS that say more than "try again later". */
const CODES: Readonly<Record<string, KeyManagementErrorCode>> = {
  InvalidCiphertextException: 'invalid_ciphertext',
  IncorrectKeyException: 'invalid_ciphertext',
  // Of all that is sent only wrapped bytes and their context vary.
  ValidationException: 'invalid_ciphertext',
  NotFoundException: 'key_not_found',
  DisabledException: 'key_unusable',
  KMSInvalidStateException: 'key_unusable',
  InvalidKeyUsageException: 'key_unusable',
}

const LINES: Readonly<Record<string, string>> = {
  CredentialsProviderError: 'AWS KMS cannot be used: no AWS credentials were found in the environment.',
  AccessDeniedException: 'AWS KMS refuses: the policy of this server does not allow what it needs (see docs/kms.md).',
  UnrecognizedClientException: 'AWS KMS does not know the AWS credentials of this server.',
  InvalidSignatureException:
    'AWS KMS refuses the signature: wrong AWS credentials, or the clock of this machine is wrong.',
  ExpiredTokenException: 'The AWS credentials of this server have expired.',
}

/** What an error of the SDK, or of the way to AWS, means here. */
export function keyError(error: unknown): KeyManagementError {
  if (error instanceof KeyManagementError) return error
  const name = error instanceof Error ? error.name : 'Error'
  const code = CODES[name]
  // The type of an error is a word of AWS's; whatever else it says may name keys.
  const word = /^[A-Za-z]{1,60}$/.test(name) ? name : 'Error'
  if (code !== undefined) return new KeyManagementError(code, `AWS KMS refuses: ${word}`, { cause: error })
  const line = LINES[name] ?? `AWS KMS cannot be used at the moment (${word}).`
  return new KeyManagementError('unavailable', line, { cause: error })
}
