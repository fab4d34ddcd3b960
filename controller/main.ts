/** The controller process: reads the environment, wires, serves until SIGTERM or SIGINT, hands over. */
import { kafkaOptions } from '../events/kafka/environment.ts'
import { openWatched, type WatchedLog } from '../events/kafka/open-watched.ts'
import { createClientNodeCluster } from '../kube/client-node/client-node-cluster.ts'
import { createLeaderElection } from '../kube/leader-election.ts'
import { loadClusterAccess } from '../kube/client-node/kube-config.ts'
import { createLogger, type Logger } from '../lib/logger.ts'
import { createMetrics } from '../lib/metrics.ts'
import { endForGood, stopOnSignal } from '../lib/stop-signals.ts'
import { readEnvironment, type ControllerEnvironment } from './config.ts'
import { ControllerProcess } from './controller-process.ts'
import { CONTROLLER_LEASE_LABELS } from './rivals/rival-watch.ts'
import { createKubeMetrics } from './kube-metrics.ts'

/** For requests under way and for handing over; less than the shortest grace period anybody gives it. */
const STOP_MS = 15_000

async function main(): Promise<void> {
  const environment = readEnvironment()
  const logger = createLogger({ level: environment.DORMOUSE_LOG_LEVEL, fields: { part: 'controller' } })
  const access = await loadClusterAccess({ env: process.env })
  const metrics = createMetrics({ processMetrics: true })
  const about = { component: 'dormouse-controller', metrics: createKubeMetrics(metrics) }
  const cluster = createClientNodeCluster({ access, logger, ...about })
  const events = openEvents(environment, logger)
  const { DORMOUSE_POD_IP: podIp, DORMOUSE_PLATFORM_URL: platformUrl } = environment
  const { DORMOUSE_FUNCTION_SERVICES: functionServices } = environment
  const replica = new ControllerProcess({
    cluster,
    metrics,
    readApi: (path) => cluster.readPath(path),
    namespace: environment.DORMOUSE_NAMESPACE,
    dataPlanes: environment.DORMOUSE_DATA_PLANES,
    ...listeners(environment),
    ...(podIp !== undefined && { podIp }),
    ...(platformUrl !== undefined && { platformUrl }),
    ...(functionServices !== undefined && { functionServices }),
    ...choices(environment),
    ...(events && { eventLog: events.log }),
    lease: environment.DORMOUSE_LEASE,
    election: (decided) =>
      createLeaderElection({
        ...{ cluster, logger, ...decided },
        ...{ namespace: environment.DORMOUSE_NAMESPACE, name: environment.DORMOUSE_LEASE },
        labels: CONTROLLER_LEASE_LABELS,
        identity: environment.DORMOUSE_POD_NAME,
      }),
    onLost: (reason) => endWithoutLead(reason, { logger, stop }),
    logger,
  })
  async function stop() {
    await replica.stop()
    await Promise.all([events?.contact.stop(), events?.log.close(), cluster.close()])
  }
  stopOnSignal({ part: 'controller', logger, deadlineMs: STOP_MS, stop })
  await replica.start()
}

function choices({ DORMOUSE_CONFIG_MAPS, DORMOUSE_POD_ROOT }: ControllerEnvironment) {
  return { readsConfigMaps: DORMOUSE_CONFIG_MAPS === 'read', podsReadOnly: DORMOUSE_POD_ROOT === 'read-only' }
}

function listeners(environment: ControllerEnvironment) {
  const { DORMOUSE_LISTEN_HOST: host, DORMOUSE_CONTROLLER_PORT: port } = environment
  return { listen: { host, port }, management: { host, port: environment.DORMOUSE_MANAGEMENT_PORT } }
}

/** Another leads now or will: who comes after this process begins as a follower. */
function endWithoutLead(reason: string, { logger, stop }: { logger: Logger; stop: () => Promise<void> }): void {
  logger.error('this replica leads no longer and ends', { reason })
  setTimeout(() => process.exit(1), STOP_MS).unref()
  stop()
    .catch((error: unknown) => logger.error('the controller did not stop cleanly', { error }))
    .finally(() => process.exit(1))
}

function openEvents(environment: ControllerEnvironment, logger: Logger): WatchedLog | undefined {
  const { DORMOUSE_KAFKA: brokers, ...others } = environment
  if (brokers === undefined) return undefined
  const options = kafkaOptions({ ...others, DORMOUSE_KAFKA: brokers })
  return openWatched({ ...options, logger }, 'cron Triggers do not tick')
}

main().catch((error: unknown) => endForGood('controller', error))
