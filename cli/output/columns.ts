/** What `get` prints of each kind: the printer columns of the CRDs, and kubectl's for pods. */
import type { DormouseFunction } from '../../api/function.ts'
import { functionContainerStatus } from '../../api/function-container.ts'
import { LABEL } from '../../api/names.ts'
import type { Condition, KubeObject } from '../../api/object.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Trigger } from '../../api/trigger.ts'
import type { Pod } from '../../kube/objects.ts'
import type { CliKind } from '../kinds.ts'
import { formatAge } from './age.ts'
import { formatTable } from './table.ts'

interface Column<T> {
  head: string
  cell: (object: T) => string | number | undefined
}

const readyOf = (conditions: Condition[] | undefined) => conditions?.find(({ type }) => type === 'Ready')?.status

const FUNCTION_COLUMNS: Column<DormouseFunction>[] = [
  { head: 'RUNTIME', cell: ({ spec }) => spec.runtime ?? 'image' },
  { head: 'READY', cell: ({ status }) => readyOf(status?.conditions) },
  { head: 'PODS', cell: ({ status }) => status?.pods },
  { head: 'URL', cell: ({ status }) => status?.url },
]
const TRIGGER_COLUMNS: Column<Trigger>[] = [
  { head: 'FUNCTION', cell: ({ spec }) => spec.function },
  { head: 'PATH', cell: ({ spec }) => spec.http?.path },
  { head: 'TOPICS', cell: ({ spec }) => spec.kafka?.topics.join(',') },
  { head: 'SCHEDULE', cell: ({ spec }) => spec.cron?.schedule },
  { head: 'READY', cell: ({ status }) => readyOf(status?.conditions) },
]
const RUNTIME_COLUMNS: Column<Runtime>[] = [
  { head: 'IMAGE', cell: ({ spec }) => spec.image },
  { head: 'POOL', cell: ({ spec }) => spec.pool.size },
]
const POD_COLUMNS: Column<Pod>[] = [
  { head: 'STATE', cell: ({ metadata }) => metadata.labels?.[LABEL.state] },
  { head: 'FUNCTION', cell: ({ metadata }) => metadata.labels?.[LABEL.function] },
  { head: 'REVISION', cell: ({ metadata }) => metadata.labels?.[LABEL.revision] },
  { head: 'STATUS', cell: (pod) => podStatus(pod) },
]

const COLUMNS: Record<string, Column<never>[]> = {
  Function: FUNCTION_COLUMNS,
  Trigger: TRIGGER_COLUMNS,
  Runtime: RUNTIME_COLUMNS,
  Pod: POD_COLUMNS,
}

export interface ObjectTable {
  kind: CliKind
  objects: readonly KubeObject[]
  withNamespace: boolean
  nowMs: number
}

export function objectTable({ kind, objects, withNamespace, nowMs }: ObjectTable): string {
  const columns = (COLUMNS[kind.kind] ?? []) as Column<KubeObject>[]
  const namespaceHead = withNamespace && kind.namespaced ? ['NAMESPACE'] : []
  const heads = [...namespaceHead, 'NAME', ...columns.map(({ head }) => head), 'AGE']
  const rows = objects.map((object) => [
    ...(namespaceHead.length > 0 ? [object.metadata.namespace ?? ''] : []),
    object.metadata.name,
    ...columns.map(({ cell }) => String(cell(object) ?? '')),
    formatAge(nowMs - Date.parse(object.metadata.creationTimestamp)),
  ])
  return formatTable(heads, rows)
}

function podStatus(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating'
  return functionContainerStatus(pod)?.state?.terminated?.reason ?? pod.status?.phase ?? 'Pending'
}
