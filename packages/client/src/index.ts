export { globSource } from './drive/glob.ts'
export type {
  CallOptions,
  Conflict,
  Drive,
  EmptyTrashResult,
  Entry,
  FindOptions,
  GetOptions,
  GetTreeOptions,
  ProgressEvent,
  PutOptions,
  PutResult,
  PutTreeOptions,
  RestoreOptions,
  TransferOptions,
  TrashedEntry,
  TreeFailure,
  TreeItem,
  TreeResult,
  VersionEntry,
} from './drive/types.ts'
export { ClientError, type ClientErrorCode, type ErrorDetails } from './errors.ts'
export type {
  Clock,
  ContentCipher,
  FileSink,
  FileSource,
  OpaqueClient,
  OpenSource,
  Platform,
  SeekableSource,
  SinkMeta,
  SinkWriter,
  StateName,
  StateStore,
  StreamSource,
  Transport,
  TransportRequest,
  TransportResponse,
  TreeSink,
} from './ports.ts'
export { Strongroom } from './session/strongroom.ts'
export type { AccountInfo, Credentials, Identity, RegisterInput, Session, StrongroomApi } from './session/types.ts'
