import type { BlobStore, ServedObjectStore } from '../ports/index.ts'
import type { StoreUrls } from './store-urls.ts'

/** Gives a store without URLs of its own those of this server's store routes, relative to the server. */
export function servedStore(objects: ServedObjectStore, urls: StoreUrls): BlobStore {
  return {
    kind: objects.kind,
    origins: [],
    presignPart: async (target, expiresAtMs) => ({
      url: urls.part(target, expiresAtMs),
      headers: { 'content-type': 'application/octet-stream' },
    }),
    presignGet: async (blobId, length, expiresAtMs) => urls.object(blobId, length, expiresAtMs),
    putWhole: (blobId, bytes, sha256) => objects.putWhole(blobId, bytes, sha256),
    createUpload: (blobId, single) => objects.createUpload(blobId, single),
    complete: (upload, parts) => objects.complete(upload, parts),
    abort: (upload) => objects.abort(upload),
    stat: (blobId) => objects.stat(blobId),
    read: (blobId, range) => objects.read(blobId, range),
    delete: (blobId) => objects.delete(blobId),
    list: () => objects.list(),
    listUploads: () => objects.listUploads(),
    readNamed: (name) => objects.readNamed(name),
    createNamed: (name, bytes) => objects.createNamed(name, bytes),
    replaceNamed: (name, bytes) => objects.replaceNamed(name, bytes),
    check: () => objects.check(),
    close: () => objects.close(),
  }
}
