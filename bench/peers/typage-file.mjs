// `typage-file MODULE encrypt|decrypt IDENTITY SOURCE TARGET`: age-encryption of npm from file to file, streamed.
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const [module = '', task, identity = '', source = '', target = ''] = process.argv.slice(2)
const age = await import(pathToFileURL(module).href)
const input = Readable.toWeb(createReadStream(source, { highWaterMark: 1024 * 1024 }))
const output = Writable.toWeb(createWriteStream(target, { highWaterMark: 1024 * 1024 }))
if (task === 'encrypt') {
  const encrypter = new age.Encrypter()
  encrypter.addRecipient(await age.identityToRecipient(identity))
  await (await encrypter.encrypt(input)).pipeTo(output)
} else {
  const decrypter = new age.Decrypter()
  decrypter.addIdentity(identity)
  await (await decrypter.decrypt(input)).pipeTo(output)
}
