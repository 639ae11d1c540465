/**
 * Writes to stdout and waits until the bytes were taken over, so that memory stays bounded and the buffer is free
 * afterwards.
 */
export function writeStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
