/** Which Functions to look at again when something changes. */
import type { DormouseFunction } from '../../api/function.ts'
import { ANNOTATION, keyOf, LABEL, objectKey, type ObjectKey } from '../../api/names.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Cache } from '../../kube/cluster.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import type { DesiredBook } from '../autoscaler/desired.ts'
import type { ServiceBook } from '../services/service-book.ts'
import type { CodeBook } from '../code/code-book.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { runtimeIdentity } from './fate.ts'
import type { ServingBook } from './serving.ts'

export interface WatchedSources {
  functions: Cache<DormouseFunction>
  revisions: Cache<ControllerRevision>
  runtimes: Cache<Runtime>
  fleet: Pick<Fleet, 'onChange'>
  desired: Pick<DesiredBook, 'onChange'>
  names?: Pick<ServiceBook, 'onChange'>
  code?: Pick<CodeBook, 'onChange'>
  serving: Pick<ServingBook, 'get'>
}

/** Calls `changed` for everything there is, then for every change that can matter. Returns the unsubscribe. */
export function watchChanges(sources: WatchedSources, changed: (key: ObjectKey) => void): () => void {
  const stops = [
    watchFunctions(sources.functions, changed),
    watchRevisions(sources.revisions, changed),
    watchRuntimes(sources, changed),
    sources.fleet.onChange(changed),
    sources.desired.onChange(changed),
    ...(sources.names ? [sources.names.onChange(changed)] : []),
    ...(sources.code ? [sources.code.onChange(changed)] : []),
  ]
  return () => stops.forEach((stop) => stop())
}

/** Status writes come back as updates and are skipped: of them only what serves can matter, to replicas that do not lead. */
function watchFunctions(functions: Cache<DormouseFunction>, changed: (key: ObjectKey) => void): () => void {
  return functions.subscribe({
    added: (fn) => changed(keyOf(fn.metadata)),
    updated: (fn, old) => {
      const fields = ['uid', 'generation', 'deletionTimestamp'] as const
      const isSame = fields.every((field) => fn.metadata[field] === old.metadata[field])
      const restarts = fn.metadata.annotations?.[ANNOTATION.restart] !== old.metadata.annotations?.[ANNOTATION.restart]
      if (!isSame || restarts || fn.status?.revision !== old.status?.revision) changed(keyOf(fn.metadata))
    },
    deleted: (fn) => changed(keyOf(fn.metadata)),
  })
}

/** One that appeared may make another too many or be waited for, one may be marked broken; one that was deleted by hand is stored again if it is needed. */
function watchRevisions(revisions: Cache<ControllerRevision>, changed: (key: ObjectKey) => void): () => void {
  const tell = ({ metadata: { namespace = '', labels } }: ControllerRevision) => {
    const name = labels?.[LABEL.function]
    if (name !== undefined) changed(objectKey(namespace, name))
  }
  return revisions.subscribe({ added: tell, updated: tell, deleted: tell })
}

function watchRuntimes(
  { runtimes, functions, serving }: WatchedSources,
  changed: (key: ObjectKey) => void,
): () => void {
  const uses = (fn: DormouseFunction, runtime: string) =>
    fn.spec.runtime === runtime || serving.get(keyOf(fn.metadata))?.template?.runtime === runtime
  const tell = ({ metadata: { name } }: Runtime) => {
    for (const fn of functions.list()) if (uses(fn, name)) changed(keyOf(fn.metadata))
  }
  return runtimes.subscribe({
    added: tell,
    updated: (runtime, old) => {
      if (runtimeIdentity(runtime) !== runtimeIdentity(old)) tell(runtime)
    },
    deleted: tell,
  })
}
