export { AdminError } from './admin/errors.ts'
export { type RunningServer, startServer } from './compose.ts'
export { type Admin, openAdmin } from './compose-admin.ts'
export { type Diagnosis, examine } from './compose-doctor.ts'
export {
  checkBackupIn,
  listBackupsIn,
  type RestoreInput,
  type RestoreResult,
  restoreBackup,
} from './compose-restore.ts'
export { CONFIG, type Config, ConfigError, loadConfig } from './config.ts'
export { BackupError } from './domain/backup/manifest.ts'
export { ServerError } from './domain/errors.ts'
export { BackupFolderError } from './ports/index.ts'
