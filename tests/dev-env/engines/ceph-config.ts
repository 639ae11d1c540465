import path from 'node:path'

/** Settings of a cluster of one disk, on loopback only. */
export function cephConfig(input: { folder: string; fsid: string; monitorAddress: string }): string {
  const { folder, fsid, monitorAddress } = input
  const at = (name: string) => path.join(folder, name)
  return `[global]
fsid = ${fsid}
mon host = ${monitorAddress}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${at('keyring')}
run dir = ${at('run')}
admin socket = ${at('run')}/$name.asok
log file = ${at('log')}/$name.log
pid file = ${at('run')}/$name.pid
crash dir = ${at('log')}
setuser match path = ${folder}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon allow pool delete = true
mon max pg per osd = 1000
auth allow insecure global id reclaim = false
[mon]
mon data = ${at('mon')}
mon cluster log file = ${at('log')}/cluster.log
[osd]
osd data = ${at('osd')}
osd objectstore = bluestore
bluestore block size = ${32 * 2 ** 30}
bluestore block create = true
osd memory target = 939524096
bluestore cache autotune = false
bluestore cache size = 268435456
`
}

/** Settings of one gateway, which speaks S3. */
export function gatewayConfig({ folder, name, port }: { folder: string; name: string; port: number }): string {
  return `[client.rgw.${name}]
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw data = ${path.join(folder, 'rgw')}
rgw dns name = localhost
rgw thread pool size = 64
`
}
