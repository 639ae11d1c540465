const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'no such file or folder',
  EEXIST: 'it exists already',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long for this file system',
  EMFILE: 'too many open files',
  ELOOP: 'too many symbolic links',
  EIO: 'the disk failed',
  EINVAL: 'the file system does not take this name',
  EILSEQ: 'the file system does not take this name',
}

/** What the operating system reported, in a few words and without a path. */
export function systemErrorText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return (typeof code === 'string' && SYSTEM_ERRORS[code]) || errorText(error)
}

/** Code or class of an error: the words that are safe to show of one that is not ours. */
export function errorText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (typeof code === 'string') return SYSTEM_ERRORS[code] ?? code
  return error instanceof Error ? error.name : 'unknown error'
}

/** Whether the operating system refused something. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
}
