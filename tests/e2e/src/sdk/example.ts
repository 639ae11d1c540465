import { Strongroom } from '@strongroom/client'
import { fileSink, fileSource, localTree, nodePlatform } from '@strongroom/client/node'

/** Signs up, stores a file and a folder, and reads them back. Printed whole in `docs/sdk.md`. */
export async function example(input: {
  server: string
  home: string
  login: string
  password: string
}): Promise<string> {
  const platform = nodePlatform({ home: input.home })
  await using session = await Strongroom.register({
    server: input.server,
    login: input.login,
    password: input.password,
    deviceName: 'my laptop',
    platform,
    // Show it, and return only once the user has it on paper.
    onRecoveryKey: async (text) => console.log(`Write this down: ${text}`),
  })
  const { drive } = session

  await drive.put(await fileSource('letter.txt'), '/letters/letter.txt', { parents: true })
  const result = await drive.putTree(localTree('photos', '/photos'), {
    onProgress: (event) => {
      if (event.type === 'progress') console.log(`${event.bytes} bytes sent`)
    },
  })
  if (result.failures.length > 0) console.log(`${result.failures.length} files were not sent`)

  for (const entry of await drive.list('/', { recursive: true })) console.log(entry.kind, entry.size, entry.path)
  await drive.get('/letters/letter.txt', fileSink('letter-again.txt'))

  let start = ''
  for await (const bytes of drive.getRange('/letters/letter.txt', { offset: 0, length: 5 })) {
    start += new TextDecoder().decode(bytes)
  }
  return start
}
