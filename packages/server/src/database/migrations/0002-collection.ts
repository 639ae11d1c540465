/** What the collector still has to do: objects of deleted blobs that may be in the store. */
export const COLLECTION = `
ALTER TABLE blobs ADD COLUMN object_removed boolean NOT NULL DEFAULT false;
CREATE INDEX blobs_to_remove ON blobs (id) WHERE state = 'deleted' AND NOT object_removed;
`
