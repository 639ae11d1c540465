import type { BlobId, NodeId, VaultId, VersionId } from '@strongroom/crypto/envelope'
import { checkLayout } from '@strongroom/crypto/sizes'
import type { CborValue, Shapes } from '../header/cbor.ts'
import { decodeCbor, encodeCbor, shapes } from '../header/cbor.ts'
import type { VaultErrorCode } from '../header/errors.ts'
import { VaultError } from '../header/errors.ts'
import { MAX_OPERATIONS } from '../header/limits.ts'
import { decodeText, encodeText, isName, isWellFormed } from '../names.ts'
import type { ContentRecord, NodeShape, Operation } from './operations.ts'
import {
  LABEL_PATTERN,
  MAX_CONTENTS,
  MAX_PURGE_IDS,
  MAX_RECORD_KEY_LENGTH,
  MAX_RECORD_VALUE_LENGTH,
  MAX_TARGET_LENGTH,
  MAX_UNKNOWN_LENGTH,
} from './operations.ts'

const BODY_VERSION = 1
/** Codes of operations on the wire. */
const CODES = {
  create: 1,
  addVersion: 2,
  move: 3,
  trash: 4,
  restore: 5,
  purge: 6,
  attach: 7,
  replace: 8,
  record: 9,
} as const
const FOLDER = 0
const FILE = 1
const SYMLINK = 2
const MOUNT = 3
const EMPTY = new Uint8Array(0)

/**
 * Encodes operations into the CBOR of a commit's body, before padding and sealing.
 *
 * @throws VaultError `operation_invalid` when an operation would not be decoded again, or `limits_exceeded`
 */
export function encodeBody(operations: readonly Operation[]): Uint8Array {
  const value = [BODY_VERSION, operations.map(encodeOperation)]
  checkBodyValue(value, 'operation_invalid')
  return encodeCbor(value)
}

/**
 * Decodes the CBOR of a body strictly.
 *
 * @throws VaultError `body_invalid`, `limits_exceeded`, or `upgrade_required` for an operation of a later version
 */
export function decodeBody(bytes: Uint8Array): Operation[] {
  return checkBodyValue(decodeCbor(bytes, 'body_invalid'), 'body_invalid')
}

function checkBodyValue(value: CborValue, code: VaultErrorCode): Operation[] {
  const shape = shapes(code)
  if (!Array.isArray(value)) throw new VaultError(code, 'shape')
  if (shape.uint(value[0]) !== BODY_VERSION) throw new VaultError('upgrade_required', 'body version')
  const [, list] = shape.tuple(value, 2)
  const reader = operationReader(shape, code)
  return shape.list(list, MAX_OPERATIONS).map(reader)
}

function encodeOperation(operation: Operation): CborValue {
  switch (operation.op) {
    case 'create': {
      const [kind, payload] = encodeShape(operation)
      return [CODES.create, operation.nodeId, operation.parentId, nameBytes(operation.name), kind, payload]
    }
    case 'addVersion':
      return [
        CODES.addVersion,
        operation.nodeId,
        operation.versionId,
        operation.baseVersionId,
        operation.contents.map(encodeContent),
        operation.mtimeMs,
        operation.mode,
      ]
    case 'move':
      return [
        CODES.move,
        operation.nodeId,
        operation.fromParentId,
        nameBytes(operation.fromName),
        operation.toParentId,
        nameBytes(operation.toName),
      ]
    case 'trash':
      return [CODES.trash, operation.nodeId]
    case 'restore':
      return [CODES.restore, operation.nodeId, operation.parentId, nameBytes(operation.name)]
    case 'purge':
      return [CODES.purge, operation.nodeIds, operation.versionIds.map((entry) => [entry.nodeId, entry.versionId])]
    case 'attach':
      return [CODES.attach, operation.nodeId, operation.versionId, encodeContent(operation.content)]
    case 'replace':
      return [
        CODES.replace,
        operation.nodeId,
        operation.versionId,
        operation.slot,
        operation.oldBlobId,
        encodeContent(operation.content),
      ]
    case 'record':
      return [CODES.record, operation.type, operation.key, operation.value]
  }
}

function nameBytes(name: string): Uint8Array {
  // Reason: the encoder would turn a lone surrogate into U+FFFD, which is another name.
  if (!isWellFormed(name)) throw new VaultError('operation_invalid', 'name')
  return encodeText(name)
}

/** A node's kind code and payload, as in bodies and in the state's columns. */
export function encodeShape(shape: NodeShape): [number, Uint8Array] {
  switch (shape.kind) {
    case 'folder':
      return [FOLDER, EMPTY]
    case 'file':
      return [FILE, EMPTY]
    case 'symlink':
      return [SYMLINK, nameBytes(shape.target)]
    case 'mount':
      return [MOUNT, shape.mountedVaultId]
    case 'unknown':
      return [shape.code, shape.data]
  }
}

/** Inverse of `encodeShape`; null when the payload does not fit the kind. */
export function decodeShape(kind: number, payload: Uint8Array): NodeShape | null {
  if (kind === FOLDER || kind === FILE) {
    if (payload.length > 0) return null
    return { kind: kind === FOLDER ? 'folder' : 'file' }
  }
  if (kind === SYMLINK) {
    const target = decodeText(payload)
    if (target === null || target === '' || payload.length > MAX_TARGET_LENGTH || target.includes('\0')) return null
    return { kind: 'symlink', target }
  }
  if (kind === MOUNT) return payload.length === 16 ? { kind: 'mount', mountedVaultId: payload as VaultId } : null
  return payload.length <= MAX_UNKNOWN_LENGTH ? { kind: 'unknown', code: kind, data: payload } : null
}

/** A content record as an array, as in bodies and in the state's columns. */
export function encodeContent(content: ContentRecord): CborValue {
  return [
    content.slot,
    content.blobId,
    content.header,
    content.size,
    content.blobLength,
    content.partSize,
    content.partsRoot,
    content.dekTimeMs,
  ]
}

/** Inverse of `encodeContent`; throws VaultError with `code`. */
export function decodeContent(value: CborValue | undefined, shape: Shapes, code: VaultErrorCode): ContentRecord {
  const [slot, blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs] = shape.tuple(value, 8)
  const content: ContentRecord = {
    slot: shape.text(slot, LABEL_PATTERN),
    blobId: shape.bytes(blobId, 16) as BlobId,
    header: shape.bytes(header, 74),
    size: shape.uint(size),
    blobLength: shape.uint(blobLength),
    partSize: shape.uint(partSize),
    partsRoot: shape.bytes(partsRoot, 32),
    dekTimeMs: shape.int(dekTimeMs),
  }
  try {
    checkLayout(content)
  } catch (cause) {
    throw new VaultError(code, 'content layout', { cause })
  }
  return content
}

/** The contents of a version: at least one, slots all different. */
export function decodeContents(value: CborValue | undefined, shape: Shapes, code: VaultErrorCode): ContentRecord[] {
  const contents = shape.list(value, MAX_CONTENTS).map((entry) => decodeContent(entry, shape, code))
  if (contents.length === 0) throw new VaultError(code, 'no content')
  if (new Set(contents.map((content) => content.slot)).size !== contents.length) throw new VaultError(code, 'slots')
  return contents
}

/** Mode bits or null. */
export function decodeMode(value: CborValue | undefined, shape: Shapes): number | null {
  return value === null ? null : shape.uint(value, 0o7777)
}

function operationReader(shape: Shapes, code: VaultErrorCode): (value: CborValue) => Operation {
  // The casts brand ids whose length was just checked; nothing else makes an id.
  const nodeId = (value: CborValue | undefined): NodeId => shape.bytes(value, 16) as NodeId
  const versionId = (value: CborValue | undefined): VersionId => shape.bytes(value, 16) as VersionId
  const name = (value: CborValue | undefined): string => {
    const text = decodeText(shape.bytes(value, 1, 255))
    if (text === null || !isName(text)) throw new VaultError(code, 'name')
    return text
  }
  return (value) => {
    if (!Array.isArray(value)) throw new VaultError(code, 'shape')
    switch (shape.uint(value[0])) {
      case CODES.create: {
        const [, id, parent, text, kind, payload] = shape.tuple(value, 6)
        const what = decodeShape(shape.uint(kind, 0xffff), shape.bytes(payload, 0, MAX_UNKNOWN_LENGTH))
        if (what === null) throw new VaultError(code, 'node kind')
        return { op: 'create', nodeId: nodeId(id), parentId: nodeId(parent), name: name(text), ...what }
      }
      case CODES.addVersion: {
        const [, id, version, base, contents, mtimeMs, mode] = shape.tuple(value, 7)
        return {
          op: 'addVersion',
          nodeId: nodeId(id),
          versionId: versionId(version),
          baseVersionId: base === null ? null : versionId(base),
          contents: decodeContents(contents, shape, code),
          mtimeMs: shape.int(mtimeMs),
          mode: decodeMode(mode, shape),
        }
      }
      case CODES.move: {
        const [, id, fromParent, fromName, toParent, toName] = shape.tuple(value, 6)
        return {
          op: 'move',
          nodeId: nodeId(id),
          fromParentId: nodeId(fromParent),
          fromName: name(fromName),
          toParentId: nodeId(toParent),
          toName: name(toName),
        }
      }
      case CODES.trash:
        return { op: 'trash', nodeId: nodeId(shape.tuple(value, 2)[1]) }
      case CODES.restore: {
        const [, id, parent, text] = shape.tuple(value, 4)
        return { op: 'restore', nodeId: nodeId(id), parentId: nodeId(parent), name: name(text) }
      }
      case CODES.purge: {
        const [, nodes, versions] = shape.tuple(value, 3)
        return {
          op: 'purge',
          nodeIds: shape.list(nodes, MAX_PURGE_IDS).map(nodeId),
          versionIds: shape.list(versions, MAX_PURGE_IDS).map((entry) => {
            const [id, version] = shape.tuple(entry, 2)
            return { nodeId: nodeId(id), versionId: versionId(version) }
          }),
        }
      }
      case CODES.attach: {
        const [, id, version, content] = shape.tuple(value, 4)
        return {
          op: 'attach',
          nodeId: nodeId(id),
          versionId: versionId(version),
          content: decodeContent(content, shape, code),
        }
      }
      case CODES.replace: {
        const [, id, version, slot, old, content] = shape.tuple(value, 6)
        return {
          op: 'replace',
          nodeId: nodeId(id),
          versionId: versionId(version),
          slot: shape.text(slot, LABEL_PATTERN),
          oldBlobId: shape.bytes(old, 16) as BlobId,
          content: decodeContent(content, shape, code),
        }
      }
      case CODES.record: {
        const [, type, key, content] = shape.tuple(value, 4)
        return {
          op: 'record',
          type: shape.text(type, LABEL_PATTERN),
          key: shape.bytes(key, 0, MAX_RECORD_KEY_LENGTH),
          value: content === null ? null : shape.bytes(content, 0, MAX_RECORD_VALUE_LENGTH),
        }
      }
      default:
        throw new VaultError('upgrade_required', 'operation')
    }
  }
}
