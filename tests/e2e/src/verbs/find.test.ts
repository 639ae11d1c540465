import { describe, expect, it } from 'vitest'
import { expectFailure, useDesk } from '../cli/device.ts'

const desk = useDesk()

describe('find', () => {
  it('finds parts of names and globs at any depth, whatever the case', async () => {
    await desk.ok('mkdir', '-p', '/photos/2024')
    await desk.putText('/photos/2024/Beach.JPG', 'x'.repeat(2000))
    await desk.putText('/photos/beach-notes.txt', 'sand')
    expect(await desk.ok('find', 'beach')).toBe('/photos/2024/Beach.JPG\n/photos/beach-notes.txt\n')
    expect(await desk.ok('find', '*.jpg')).toBe('/photos/2024/Beach.JPG\n')
    expect(await desk.ok('find', '2024/*.{jpg,png}')).toBe('/photos/2024/Beach.JPG\n')
    expect(await desk.ok('find', 'b*', '/photos', '--size', '+1k')).toBe('/photos/2024/Beach.JPG\n')
    expect(await desk.ok('find', 'b*', '--size', '-1k')).toBe('/photos/beach-notes.txt\n')
    expect(await desk.ok('find', '20', '--type', 'folder')).toBe('/photos/2024/\n')
    expect(await desk.ok('find', '*', '--newer', '1h', '--type', 'file')).toBe(
      '/photos/2024/Beach.JPG\n/photos/beach-notes.txt\n',
    )
    expect(await desk.ok('find', 'nothing')).toBe('')
    expect(await desk.json('find', 'notes')).toMatchObject([{ path: '/photos/beach-notes.txt', size: 4 }])
  })

  it('refuses what it does not understand', async () => {
    expectFailure(await desk.run('find', '[a'), 2, /closing/)
    expectFailure(await desk.run('find', 'a', '--type', 'socket'), 2, /--type takes/)
    expectFailure(await desk.run('find', 'a', '--size', 'big'), 2, /--size must be/)
    expectFailure(await desk.run('find', 'a', '--newer', 'soon'), 2, /--newer takes/)
    expectFailure(await desk.run('find', 'a', '/missing'), 3, /no such file or folder/)
  })

  it('ends with 7 without the server, which has half of the key to the index', async () => {
    await desk.server.stop()
    expectFailure(await desk.run('find', 'beach-'), 7, /cannot be reached|not available|server/i)
  })
})
