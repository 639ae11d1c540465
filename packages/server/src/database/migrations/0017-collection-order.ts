/**
 * The collector goes through the blobs of each unsettled state by owner and id, a batch at a time. Without this index each
 * batch would read and sort all of them.
 */
export const COLLECTION_ORDER = `
CREATE INDEX blobs_collection ON blobs (state, owner_id, id) WHERE state IN ('reserved', 'stored', 'condemned');
`
