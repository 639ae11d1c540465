/** Looking into a file, and at what the server has of it. */
export const PREVIEW = {
  preview: {
    before: 'Previous file',
    after: 'Next file',
    older: 'Older version',
    show: 'Show',
    none: 'Files of this kind are not shown here. Download it to open it.',
    notShown: 'This is not what its name says, or it is damaged. It is not shown here; you can download it.',
    notPlayed: 'This browser cannot play it. Download it to open it with a player.',
    brokeOff: 'It could not be read any further. Check the connection and open it again, or download it.',
    tooLarge: 'This picture is too large to be shown here safely. Download it to open it.',
    cut: 'This is the beginning; download the file to read all of it.',
  },
  serverView: {
    open: 'What the server sees',
    title: 'What the server sees',
    text: 'On one side the file as you see it, on the other what the server has stored of it, asked for just now and compared with what your devices signed.',
    also: 'It knows besides that this belongs to your account and when it was stored, and it sees when you fetch it.',
    you: 'You',
    server: 'The server',
    unknown: 'not known to it',
    padded: (bytes: string) => `${bytes} bytes, rounded up and encrypted`,
    content: 'Content, beginning',
    stored: 'Stored object, beginning',
    nothing: 'Nothing is stored of an empty file',
    blob: 'Number of the object',
    vault: 'Number of the vault',
    key: (epoch: number) => `Key, sealed by your devices under vault key ${epoch}`,
    digests: (count: number) =>
      count === 1 ? 'Checksum of the object' : `First of ${count.toLocaleString()} checksums`,
    again: 'Ask again',
  },
} as const
