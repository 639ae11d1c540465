export type {
  CallOptions,
  Conflict,
  Drive,
  Entry,
  GetTreeOptions,
  ProgressEvent,
  PutOptions,
  PutResult,
  PutTreeOptions,
  TransferOptions,
  TreeFailure,
  TreeItem,
  TreeResult,
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
