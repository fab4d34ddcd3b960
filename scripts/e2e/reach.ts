/** Whether this machine reaches the addresses of a cluster's Services, as it does where nodes and tests are one. */
import { connect } from 'node:net'
import { must } from './run.ts'

const PATIENCE_MS = 3_000

/** `service`: of the installation, ready. */
export async function reachesServices(
  kubeconfig: string,
  of: { namespace: string; service: string },
): Promise<boolean> {
  const path = 'jsonpath={.spec.clusterIP} {.spec.ports[0].port}'
  const ask = ['kubectl', '--namespace', of.namespace, 'get', 'service', of.service, '-o', path] as const
  const [host = '', port = ''] = (await must(ask, { env: { ...process.env, KUBECONFIG: kubeconfig } })).split(' ')
  return answers(host, Number(port))
}

export function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.setTimeout(PATIENCE_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
