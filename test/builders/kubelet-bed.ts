/** A kubelet on an empty cluster, whose image `test/<behaviour>` is test/fixtures/pods/pod.mjs. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMemoryCluster } from '../../kube/memory/memory-cluster.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import { silentLogger } from '../../lib/logger.ts'
import { startGuardian } from '../../local/kubelet/guardian.ts'
import { Kubelet } from '../../local/kubelet/kubelet.ts'
import { createLogBook } from '../../local/logs/log-book.ts'
import { PodSecrets } from '../../local/pod-secrets.ts'

const SCRIPT = fileURLToPath(new URL('../fixtures/pods/pod.mjs', import.meta.url))
const BEHAVIOURS = ['serve', 'exit', 'fork', 'stubborn', 'deaf']

export async function startKubeletBed(hostEnvironment: Record<string, string | undefined> = process.env) {
  const podsDirectory = mkdtempSync(join(tmpdir(), 'dormouse-pods-'))
  const guardian = startGuardian(podsDirectory)
  const cluster = createMemoryCluster()
  const logs = createLogBook()
  const images = new Map(BEHAVIOURS.map((name) => [`test/${name}`, [process.execPath, SCRIPT, name]] as const))
  images.set('test/missing', ['/no/such/program'] as never)
  const secrets = new PodSecrets()
  const kubelet = new Kubelet({
    cluster,
    images,
    logs,
    guardian,
    podsDirectory,
    hostEnvironment,
    secrets,
    logger: silentLogger,
  })
  await kubelet.start()
  return {
    cluster,
    kubelet,
    logs,
    podsDirectory,
    run: (name: string, behaviour = 'serve', labels: Record<string, string> = {}) =>
      cluster.create(PODS, podManifest(name, `test/${behaviour}`, labels)),
    pod: (name: string) => cluster.get(PODS, { namespace: 'default', name }),
    delete: (name: string, gracePeriodSeconds?: number) =>
      cluster.delete(
        PODS,
        { namespace: 'default', name },
        gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
      ),
    async stop() {
      await kubelet.stop(500)
      await guardian.stop()
      if (existsSync(podsDirectory)) throw new Error(`${podsDirectory} was left behind`)
    },
  }
}

function podManifest(name: string, image: string, labels: Record<string, string>) {
  const field = (variable: string, fieldPath: string) => ({ name: variable, valueFrom: { fieldRef: { fieldPath } } })
  const env = [
    { name: 'PLAIN', value: 'text' },
    field('POD_NAME', 'metadata.name'),
    field('POD_NAMESPACE', 'metadata.namespace'),
    field('POD_UID', 'metadata.uid'),
    field('POD_IP', 'status.podIP'),
  ]
  const spec: Pod['spec'] = { containers: [{ name: 'main', image, env }], terminationGracePeriodSeconds: 5 }
  return { apiVersion: 'v1', kind: 'Pod' as const, metadata: { name, namespace: 'default', labels }, spec }
}

/** A process that has ended but was not yet waited for counts as dead. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
