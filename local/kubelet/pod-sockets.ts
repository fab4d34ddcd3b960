/**
 * The pod's listening sockets, made before its process, as an init system's socket activation does: the process inherits them, so that its
 * address is known before it runs and starting to listen costs it nothing (by host name it costs Node several milliseconds).
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import type { PodPorts } from './pod-ports.ts'

export interface PodSockets {
  ports: PodPorts
  /** Descriptors in this process; to be handed to the child in its stdio. */
  descriptors: { control: number; data: number }
  /** Call in the turn in which the child was made: it has its own copies, ours must not accept. */
  release(): void
}

/** Undefined where sockets cannot be handed on: the process then listens on free ports of its own choice. */
export async function openPodSockets(host: string): Promise<PodSockets | undefined> {
  const [control, data] = await Promise.all([openServer(host), openServer(host)])
  const release = () => {
    control.close()
    data.close()
  }
  const descriptors = { control: descriptorOf(control), data: descriptorOf(data) }
  if (descriptors.control < 0 || descriptors.data < 0) {
    release()
    return undefined
  }
  return { ports: { control: portOf(control), data: portOf(data) }, descriptors, release }
}

async function openServer(host: string): Promise<Server> {
  const server = createServer().listen({ host, port: 0, exclusive: true })
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Node has no public name for it; -1 where there is none, as on Windows. */
function descriptorOf(server: Server): number {
  const { _handle } = server as Server & { _handle?: { fd?: number } }
  return _handle?.fd ?? -1
}
