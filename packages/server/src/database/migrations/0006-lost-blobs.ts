/**
 * Blobs that a restored commit refers to and that nobody could give back: neither readable nor collected, until a
 * device brings their digest list or nothing refers to them any more.
 */
export const LOST_BLOBS = `
ALTER TABLE blobs DROP CONSTRAINT blobs_state_check;
ALTER TABLE blobs ADD CONSTRAINT blobs_state_check
  CHECK (state IN ('reserved', 'stored', 'live', 'condemned', 'deleted', 'lost'));
`
