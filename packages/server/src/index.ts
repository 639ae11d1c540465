export { type RunningServer, startServer } from './compose.ts'
export { CONFIG, type Config, ConfigError, loadConfig } from './config.ts'
export { ServerError } from './domain/errors.ts'
