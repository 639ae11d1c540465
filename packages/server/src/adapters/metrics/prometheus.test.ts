import { describe, expect, it } from 'vitest'
import { openPrometheus } from './prometheus.ts'

describe('metrics', () => {
  it('show what was counted, timed and read, in the text form of Prometheus', async () => {
    const { meter, text, contentType } = openPrometheus({ waiting: { help: 'Waiting.', value: () => 3 } })
    meter.count('jobs', { name: 'collect-blobs', outcome: 'done' })
    meter.count('jobs', { name: 'collect-blobs', outcome: 'done' })
    meter.count('commits', {})
    meter.time('kms_call', { operation: 'unwrap' }, 0.02)
    const shown = await text()
    expect(contentType).toContain('text/plain')
    expect(shown).toContain('strongroom_jobs_total{name="collect-blobs",outcome="done"} 2\n')
    expect(shown).toContain('strongroom_commits_total 1\n')
    expect(shown).toContain('strongroom_kms_call_seconds_bucket{le="0.025",operation="unwrap"} 1\n')
    expect(shown).toContain('strongroom_waiting 3\n')
    expect(shown).toContain('process_resident_memory_bytes ')
  })

  it('of two servers in one process are apart', async () => {
    const [one, two] = [openPrometheus({}), openPrometheus({})]
    one.meter.count('commits', {})
    expect(await two.text()).toContain('strongroom_commits_total 0\n')
  })
})
