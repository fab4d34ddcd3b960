import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { CHART, describeWithHelm, type Rendered } from '../../builders/helm.ts'

const OPERATOR = ['monitoring.coreos.com/v1']
const ofKind = (objects: Rendered[], wanted: string) => objects.filter(({ kind }) => kind === wanted)
const files = (folder: string, end: string) => readdirSync(`${CHART}/${folder}`).filter((name) => name.endsWith(end))

describeWithHelm('monitoring', (helm) => {
  describe('where the Prometheus operator is', () => {
    test('every part\u2019s management port is scraped, and labels of functions are left as they are', async () => {
      const objects = await helm.render({ apiVersions: OPERATOR, values: { kafka: { brokers: ['kafka:9092'] } } })
      const [monitor] = ofKind(objects, 'ServiceMonitor')
      const { selector, endpoints } = monitor!['spec']
      expect(endpoints).toEqual([{ port: 'management', path: '/metrics', interval: '15s', honorLabels: true }])
      const scraped = ofKind(objects, 'Service').filter(
        ({ metadata, spec }) =>
          Object.entries(selector.matchLabels).every(([key, value]) => metadata.labels[key] === value) &&
          spec.ports.some(({ name }: { name: string }) => name === 'management'),
      )
      expect(scraped.map(({ metadata }) => metadata.name)).toEqual([
        'dormouse-controller-management',
        'dormouse-gateway-management',
        'dormouse-dispatcher-management',
      ])
    })

    test('alert rules are what the file says, word for word', async () => {
      const rules = ofKind(await helm.render({ apiVersions: OPERATOR }), 'PrometheusRule')
      const wanted = files('rules', '.yaml').map((file) => parse(readFileSync(`${CHART}/rules/${file}`, 'utf8')))
      expect(rules.map(({ spec }) => spec)).toEqual(wanted)
    })

    test('dashboards are ConfigMaps that Grafana\u2019s sidecar finds, word for word', async () => {
      const maps = ofKind(await helm.render({ apiVersions: OPERATOR }), 'ConfigMap')
      expect(maps.map(({ data }) => Object.keys(data)).flat()).toEqual(files('dashboards', '.json'))
      for (const { metadata, data } of maps) {
        expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' })
        for (const [file, text] of Object.entries(data as Record<string, string>))
          expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(`${CHART}/dashboards/${file}`, 'utf8')))
      }
    })

    test('each can be left out, and has labels of one\u2019s own', async () => {
      const objects = await helm.render({
        apiVersions: OPERATOR,
        values: {
          monitoring: {
            serviceMonitor: { labels: { release: 'prometheus' } },
            prometheusRule: { enabled: false },
            dashboards: { enabled: false },
          },
        },
      })
      expect(ofKind(objects, 'ServiceMonitor')[0]!.metadata.labels).toMatchObject({ release: 'prometheus' })
      expect([...ofKind(objects, 'PrometheusRule'), ...ofKind(objects, 'ConfigMap')]).toEqual([])
    })
  })

  test('elsewhere none of it is made, unless it is asked for', async () => {
    const kinds = ['ServiceMonitor', 'PrometheusRule']
    expect((await helm.render()).filter(({ kind }) => kinds.includes(kind))).toEqual([])
    const asked = await helm.render({ values: { monitoring: { serviceMonitor: { enabled: true } } } })
    expect(ofKind(asked, 'ServiceMonitor')).toHaveLength(1)
  })

  test('a Prometheus that goes by annotations finds every pod', async () => {
    for (const deployment of ofKind(await helm.render(), 'Deployment'))
      expect(deployment['spec'].template.metadata.annotations).toEqual({
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
        'prometheus.io/path': '/metrics',
      })
  })
})
