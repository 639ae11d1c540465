// `aws-file MODULE encrypt|decrypt SOURCE TARGET`: the AWS Encryption SDK for JavaScript from file to file, streamed, under a
// raw AES key, with key commitment and without a signature.
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'

const [module = '', task, source = '', target = ''] = process.argv.slice(2)
const loaded = await import(pathToFileURL(module).href)
const sdk = loaded.default ?? loaded
const { encryptStream, decryptStream } = sdk.buildClient(sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const keyring = new sdk.RawAesKeyringNode({
  keyName: 'bench',
  keyNamespace: 'bench',
  unencryptedMasterKey: new Uint8Array(32).fill(7),
  wrappingSuite: sdk.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
})
const options = { suiteId: sdk.AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY }
const cipher =
  task === 'encrypt' ? encryptStream(keyring, { ...options, frameLength: 262_144 }) : decryptStream(keyring)
const highWaterMark = 1024 * 1024
await pipeline(createReadStream(source, { highWaterMark }), cipher, createWriteStream(target, { highWaterMark }))
