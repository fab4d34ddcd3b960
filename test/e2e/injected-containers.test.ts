import { afterAll, beforeAll, expect } from '@jest/globals'
import type { Pod } from '../../kube/objects.ts'
import { newAuthority } from '../builders/certificates.ts'
import { createWorkspace } from '../builders/dormouse-command.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { loadImage } from './image.ts'
import { kubectl } from './kubectl.ts'
import { functionOf } from './manifests.ts'
import { poolOf } from './pods.ts'

/** The webhook of a service mesh, and what it puts first into every pod: both say what they are, the second again and again. */
const MESH = `
  const { createServer } = require('node:https')
  const { cert, key, image } = process.env
  if (cert === undefined) setInterval(() => console.log('of the proxy'), 100)
  else
    createServer({ cert, key }, async (request, response) => {
      const chunks = await request.toArray()
      const { uid } = JSON.parse(Buffer.concat(chunks).toString()).request
      const patch = [{ op: 'add', path: '/spec/containers/0', value: { name: 'a-proxy', image, imagePullPolicy: 'IfNotPresent' } }]
      response.end(JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') },
      }))
    }).listen(8443)
  process.on('SIGTERM', () => process.exit(0))`

const FRAGILE = `
  import { hostname } from 'node:os'
  export const handler = async ({ end }) => {
    console.log('of the function')
    if (end) process.exit(3)
    return { pod: hostname() }
  }`

describeOnCluster('a pod to which a webhook adds a container before its own', () => {
  const bed = useBed('injected')
  let workspace: ReturnType<typeof createWorkspace>

  beforeAll(async () => {
    workspace = createWorkspace({}, e2e().kubeconfig)
    const image = await loadImage('mesh', MESH)
    const { ca, server } = newAuthority('mesh', `DNS:mesh.${bed.namespace}.svc`)
    const env = Object.entries({ ...server, image }).map(([name, value]) => ({ name, value }))
    await bed.apply(
      {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'mesh', labels: { app: 'mesh' } } },
        spec: { containers: [{ name: 'mesh', image, imagePullPolicy: 'IfNotPresent', env }] },
      },
      {
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'mesh' } },
        spec: { selector: { app: 'mesh' }, ports: [{ port: 443, targetPort: 8443 }] },
      },
    )
    await bed.kubectl('wait', '--for=condition=Ready', 'pod/mesh', '--timeout=60s')
    const configuration = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: bed.namespace },
      webhooks: [
        {
          ...{ name: 'mesh.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Fail' },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': bed.namespace } },
          clientConfig: {
            service: { name: 'mesh', namespace: bed.namespace, path: '/' },
            caBundle: Buffer.from(ca).toString('base64'),
          },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
      ],
    }
    await kubectl(['apply', '-f', '-'], { input: JSON.stringify(configuration) })
    // The API server knows of it a moment later.
    const probe = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probe' },
      spec: { containers: [{ name: 'probe', image }] },
    }
    await bed.eventually('webhook', async () => {
      const made = await kubectl(['-n', bed.namespace, 'create', '--dry-run=server', '-o', 'json', '-f', '-'], {
        input: JSON.stringify(probe),
      })
      return (JSON.parse(made) as Pod).spec.containers.length === 2
    })
  }, 180_000)
  afterAll(async () => {
    await kubectl(['delete', 'mutatingwebhookconfiguration', bed.namespace, '--ignore-not-found'])
    await workspace.end()
  })

  const podOf = async (name: string) => (await bed.pods(name))[0]

  scenario(bed, 'serves, with the resources of its function in its own container', async () => {
    const resources = { limits: { cpu: '500m', memory: '192Mi' }, requests: { cpu: '20m', memory: '96Mi' } }
    await bed.deploy(functionOf('small', FRAGILE, { resources }))
    await poolOf(bed, 1)
    expect((await bed.call('small')).status).toBe(200)
    await bed.eventually('it has them', async () => {
      const containers = (await podOf('small'))?.spec.containers ?? []
      expect(containers.map(({ name }) => name)).toEqual(['a-proxy', 'runtime'])
      expect(containers[1]?.resources).toMatchObject(resources)
      expect(containers[0]?.resources ?? {}).toEqual({})
      return true
    })
  })

  scenario(bed, 'has its own log where logs are asked for', async () => {
    await bed.call('small')
    const { stdout } = await workspace.run('logs', 'small', '-n', bed.namespace)
    const own = await bed.kubectl('logs', (await podOf('small'))?.metadata.name ?? 'none')
    for (const text of [stdout, own]) {
      expect(text).toContain('of the function')
      expect(text).not.toContain('of the proxy')
    }
  })

  scenario(bed, 'is gone when its process is, though the other container goes on', async () => {
    const { pod } = json(await bed.call('small'))
    await bed.call('small', { body: { end: true } })
    const why = await bed.eventually('an Event says so', async () => {
      const text = await bed.kubectl('get', 'events', '-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}')
      return text.split('\n').find((line) => line.includes(`pod ${String(pod)} `) && line.includes('is replaced'))
    })
    expect(why).toContain('its process exited with code 3')
    await bed.eventually('the pod is gone', async () => {
      const pods = await bed.list<Pod>('pods')
      return !pods.some(({ metadata }) => metadata.name === pod)
    })
    expect((await bed.call('small')).status).toBe(200)
  })
})
