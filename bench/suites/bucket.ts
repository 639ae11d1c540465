import { useBucket } from '../../tests/dev-env/engines/bucket.ts'
import { setup } from '../../tests/dev-env/engines/run-folder.ts'
import type { Row } from '../measure.ts'
import { plainUpload } from '../peers/plain-upload.ts'
import { rcloneTree, strongroomTree } from '../peers/tree-peers.ts'
import { openStand } from '../stand.ts'
import type { Suite } from './suite.ts'
import { compareTrees, largeFile, smallFiles } from './transfer.ts'

export const bucket: Suite = {
  title: 'Put and get, to a bucket of Ceph',
  async run(options) {
    const stop = await setup()
    const rows: Row[] = []
    try {
      const target = await useBucket()
      const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = target.env
      const store = {
        by: 'to the same bucket',
        remote: `ceph:${target.raw.name}/rclone`,
        env: {
          // Reason: rclone refuses certificates from the environment, and none are needed.
          AWS_CA_BUNDLE: '',
          RCLONE_CONFIG_CEPH_TYPE: 's3',
          RCLONE_CONFIG_CEPH_PROVIDER: 'Ceph',
          RCLONE_CONFIG_CEPH_ENDPOINT: target.ceph.endpoint,
          RCLONE_CONFIG_CEPH_ACCESS_KEY_ID: id,
          RCLONE_CONFIG_CEPH_SECRET_ACCESS_KEY: secret,
        },
      }
      for (const load of [largeFile(options), smallFiles(options)]) {
        await using stand = await openStand({
          BLOB_URL: target.url({ prefix: load.task.replaceAll(/\W/g, '') }),
          ...target.env,
        })
        const contenders = [strongroomTree(stand), rcloneTree(stand, store)]
        if (load.task.endsWith('MiB')) {
          contenders.push(await plainUpload(target, { isVerified: false }))
          contenders.push(await plainUpload(target, { isVerified: true }))
        }
        rows.push(...(await compareTrees(stand, contenders, load, { ...options, isLocal: false })))
      }
      target.raw.close()
    } finally {
      await stop()
    }
    return rows
  },
}
