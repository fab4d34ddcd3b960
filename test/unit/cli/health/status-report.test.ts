import { expect, test } from '@jest/globals'
import { statusReport } from '../../../../cli/health/status-report.ts'
import { LABEL } from '../../../../api/names.ts'
import { fineInstallation, functionPod, meta, minutesAgo, seen } from '../../../builders/cluster-observation.ts'

test('says what runs, who leads, how functions stand, and what waits warm', () => {
  const ready = (status: 'True' | 'False', reason: string) =>
    ({
      metadata: meta('a'),
      status: { conditions: [{ type: 'Ready', status, reason, message: '', lastTransitionTime: minutesAgo(5) }] },
    }) as never
  const claimed = functionPod('p2', 'shop')
  claimed.metadata.labels = { ...claimed.metadata.labels, [LABEL.state]: 'claimed' }
  const large = functionPod('p3', 'shop')
  large.metadata.labels = { ...large.metadata.labels, [LABEL.memory]: '1024' }
  const report = statusReport(
    fineInstallation({
      functions: seen([ready('True', 'Asleep'), ready('False', 'RuntimeNotFound')]),
      runtimes: seen([{ metadata: meta('node'), spec: { pool: { size: 3 } } } as never]),
      functionPods: seen([functionPod('p1', 'shop'), claimed, large]),
    }),
  )
  expect(report).toBe(`Cluster:      context dev (v1.35.4)
Installation: dormouse-system, version 0.1.0
Leader:       dormouse-controller-1 for 30m
Kafka:        the dispatchers reach it

PART         READY   VERSION   RESTARTS   IMAGE
controller   2/2     0.1.0     0          x/dormouse-controller:0.1.0
gateway      2/2     0.1.0     0          x/dormouse-gateway:0.1.0
dispatcher   2/2     0.1.0     0          x/dormouse-dispatcher:0.1.0

Functions:    2, 1 ready, 1 RuntimeNotFound
Triggers:     0, 0 ready

RUNTIME       NAMESPACE   WARM   CLAIMED
node          shop        1/3    1
node:1024Mi   shop        1/1    0
3 pods of functions
`)
})

test('whether Kafka is reached is what dispatchers say now', () => {
  const word = { pod: 'd', component: 'dispatcher', ready: true, text: 'ok' }
  const kafkaOf = (...words: object[]) =>
    /^Kafka: +(.*)$/m.exec(statusReport(fineInstallation({ words: words as never })))?.[1]
  const cutOff = { ...word, withoutKafka: 'no answer within 3 s' }
  expect(kafkaOf(word, word)).toBe('the dispatchers reach it')
  expect(kafkaOf(cutOff, cutOff)).toBe('the dispatchers do not reach it: no answer within 3 s')
  expect(kafkaOf(word, cutOff)).toBe('1 of 2 dispatchers do not reach it: no answer within 3 s')
  expect(kafkaOf({ ...word, ready: false, text: 'draining' })).toBe('draining')
})

test('of a cluster without an installation says so', () => {
  const report = statusReport(fineInstallation({ namespace: undefined, services: seen([]), deployments: seen([]) }))
  expect(report).toMatch(/^Installation: none found$/m)
})

test('what may not be seen is no zero', () => {
  const hidden = { kind: 'hidden' as const, what: 'functions', why: 'forbidden' }
  expect(statusReport(fineInstallation({ functions: hidden, leases: hidden }))).toMatch(
    /^Leader: +not seen$[\s\S]*^Functions: +not seen$/m,
  )
})

test('who may not look into all namespaces is told to say where it is, not that there is none', () => {
  const services = { kind: 'hidden' as const, what: 'services', why: 'services is forbidden' }
  const report = statusReport(fineInstallation({ namespace: undefined, services, deployments: seen([]) }))
  expect(report).toMatch(/^Installation: not seen: say --system-namespace$/m)
})

test('who has not renewed its lease for long does not lead', () => {
  const fine = fineInstallation()
  const [lease] = fine.leases.kind === 'seen' ? fine.leases.value : []
  const spec = { ...lease!.spec, renewTime: minutesAgo(5) }
  expect(statusReport({ ...fine, leases: seen([{ ...lease!, spec }]) })).toMatch(
    /^Leader: +none: dormouse-controller-1 led last, 5m ago$/m,
  )
})
