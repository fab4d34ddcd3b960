import { expect, test } from '@jest/globals'
import { createKubeMetrics } from '../../../controller/kube-metrics.ts'
import { createMetrics } from '../../../lib/metrics.ts'

test('requests are counted by verb and status, those without an answer as none', async () => {
  const metrics = createMetrics()
  const kube = createKubeMetrics(metrics)
  kube.answered('get', 200, 12)
  kube.answered('get', 200, 8)
  kube.answered('patch', 409, 3)
  kube.answered('watch', 0, 1_000)
  const text = await metrics.registry.metrics()
  expect(text).toContain('dormouse_kube_requests_total{verb="get",code="200"} 2\n')
  expect(text).toContain('dormouse_kube_requests_total{verb="patch",code="409"} 1\n')
  expect(text).toContain('dormouse_kube_requests_total{verb="watch",code="none"} 1\n')
  expect(text).toContain('dormouse_kube_request_duration_seconds_sum{verb="get"} 0.02\n')
})
