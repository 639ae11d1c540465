export { type BackupFolder, BackupFolderError } from './backup-folder.ts'
export {
  type BlobStore,
  BlobStoreError,
  type BlobStoreErrorCode,
  type ByteRange,
  type ObjectStore,
  type PartTarget,
  type PresignedPart,
  type ServedObjectStore,
  type StoredPart,
  type UploadRef,
} from './blob-store.ts'
export type { Clock, Random } from './clock.ts'
export {
  type KeyContext,
  type KeyManagement,
  KeyManagementError,
  type KeyManagementErrorCode,
  type KeyState,
  MOST_WRAPPED_BYTES,
} from './key-management.ts'
export type { LogFields, Logger } from './logger.ts'
export type { Counters, Meter, Timers } from './meter.ts'
export type { Signals } from './signals.ts'
