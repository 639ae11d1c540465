// What a build of the collector exports; tests build it with a bug planted.
export { collectBlobs } from '../../../../packages/server/src/domain/blobs/collect.ts'
export { sweepStore } from '../../../../packages/server/src/domain/blobs/sweep.ts'
