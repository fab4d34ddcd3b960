/** `dormouse status`: the state of an installation for human eyes. Pure. */
import { LABEL, type ObjectKey } from '../../api/names.ts'
import type { Condition, KubeObject } from '../../api/object.ts'
import { labelledPool, poolKey, poolName, poolParts, poolSize } from '../../api/pool-name.ts'
import type { Deployment, PlatformPod } from '../cluster/platform-kinds.ts'
import { VERSION_LABEL } from '../cluster/installation.ts'
import { formatAge } from '../output/age.ts'
import { formatTable } from '../output/table.ts'
import { leaseOf, silentForMs } from './checks/leader.ts'
import { componentOf } from './checks/platform.ts'
import { notReady } from './checks/workloads.ts'
import { count, groupBy } from './finding.ts'
import { valueOf, type Observation, type Seen } from './observation.ts'

export function statusReport(observation: Observation): string {
  const sections = [headSection(observation), partsSection(observation), objectsSection(observation)]
  return `${[...sections, poolSection(observation)].filter((section) => section !== '').join('\n\n')}\n`
}

function headSection(observation: Observation): string {
  const { cluster, namespace, apiServer, services } = observation
  const version = valueOf(apiServer)?.version
  const installed = valueOf(observation.deployments)?.flatMap((one) => one.metadata.labels?.[VERSION_LABEL] ?? []) ?? []
  const versions = [...new Set(installed)].join(', ')
  const where = namespace ?? whereText(services)
  return [
    line('Cluster:', `${cluster}${version === undefined ? '' : ` (${version})`}`),
    line('Installation:', `${where}${versions === '' ? '' : `, version ${versions}`}`),
    ...(namespace === undefined
      ? []
      : [line('Leader:', leaderText(observation)), line('Kafka:', kafkaText(observation))]),
  ].join('\n')
}

function whereText(services: Observation['services']): string {
  if (services.kind === 'hidden') return 'not seen: say --system-namespace'
  return services.value.length > 0 ? 'several: say --system-namespace' : 'none found'
}

const line = (name: string, value: string) => `${name.padEnd(14)}${value}`

function leaderText(observation: Observation): string {
  if (observation.leases.kind === 'hidden') return 'not seen'
  const { holderIdentity = '', acquireTime = '' } = leaseOf(observation)?.spec ?? {}
  if (holderIdentity === '') return 'none'
  const silentMs = silentForMs(observation)
  if (silentMs !== undefined) return `none: ${holderIdentity} led last, ${formatAge(silentMs)} ago`
  return `${holderIdentity} for ${formatAge(observation.nowMs - Date.parse(acquireTime))}`
}

function kafkaText({ deployments, words }: Observation): string {
  if (deployments.kind === 'hidden') return 'not seen'
  const dispatcher = deployments.value.find((one) => componentOf(one) === 'dispatcher')
  if (dispatcher === undefined) return 'none: functions are called by HTTP only'
  const said = words.filter(({ component }) => component === 'dispatcher')
  if (said.length === 0) return 'not known: no dispatcher answers'
  const notReady = said.find(({ ready }) => !ready)
  if (notReady !== undefined) return notReady.text
  const cutOff = said.filter(({ withoutKafka }) => withoutKafka !== undefined)
  if (cutOff.length === 0) return 'the dispatchers reach it'
  const who = cutOff.length === said.length ? 'the dispatchers do' : `${cutOff.length} of ${said.length} dispatchers do`
  return `${who} not reach it: ${cutOff[0]?.withoutKafka ?? ''}`
}

function partsSection({ namespace, deployments, pods, words }: Observation): string {
  if (namespace === undefined || deployments.kind === 'hidden') return ''
  const rows = deployments.value.map((deployment) => partRow(deployment, valueOf(pods) ?? []))
  if (rows.length === 0) return ''
  const said = words.filter(({ ready }) => !ready).map(({ pod, text }) => `${pod}: ${text}`)
  return [formatTable(['PART', 'READY', 'VERSION', 'RESTARTS', 'IMAGE'], rows), ...said].join('\n')
}

function partRow(deployment: Deployment, pods: readonly PlatformPod[]): string[] {
  const { metadata, spec, status } = deployment
  const part = componentOf(deployment)
  const own = pods.filter((pod) => componentOf(pod) === part)
  const statuses = own.flatMap((pod) => pod.status?.containerStatuses ?? [])
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)
  return [
    part === '' ? metadata.name : part,
    `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    metadata.labels?.[VERSION_LABEL] ?? '',
    String(restarts),
    spec.template.spec.containers[0]?.image ?? '',
  ]
}

function objectsSection({ functions, triggers, nowMs }: Observation): string {
  return [line('Functions:', readinessText(functions, nowMs)), line('Triggers:', readinessText(triggers, nowMs))].join(
    '\n',
  )
}

type Conditioned = KubeObject & { status?: { conditions?: Condition[] } }

function readinessText(seen: Seen<Conditioned[]>, nowMs: number): string {
  if (seen.kind === 'hidden') return 'not seen'
  const ready = seen.value.filter((one) =>
    one.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  ).length
  const reasons = [...groupBy(notReady(seen.value, nowMs), ({ reason }) => reason)]
  const others = reasons.map(([reason, group]) => `${group.length} ${reason}`)
  return [`${seen.value.length}`, `${ready} ready`, ...others].join(', ')
}

const poolOf = ({ metadata: { namespace = '', labels } }: PlatformPod) =>
  poolKey({ namespace, ...labelledPool(labels) })

/** Warm pods by runtime and namespace, and what is claimed of them. */
function poolSection({ functionPods, runtimes }: Observation): string {
  const pods = valueOf(functionPods) ?? []
  const byPool = groupBy(pods, poolOf)
  if (byPool.size === 0) return ''
  const rows = [...byPool].sort().map(([key, members]) => {
    const { namespace, ...pool } = poolParts(key as ObjectKey)
    const size = valueOf(runtimes)?.find(({ metadata }) => metadata.name === pool.runtime)?.spec.pool.size
    const states = groupBy(members, ({ metadata }) => metadata.labels?.[LABEL.state] ?? '')
    const number = (state: string) => String(states.get(state)?.length ?? 0)
    const warm = `${number('generic')}${size === undefined ? '' : `/${poolSize(size, pool)}`}`
    return [pool.runtime === '' ? '(own image)' : poolName(pool), namespace, warm, number('claimed')]
  })
  return `${formatTable(['RUNTIME', 'NAMESPACE', 'WARM', 'CLAIMED'], rows)}\n${count(pods.length, 'pod')} of functions`
}
