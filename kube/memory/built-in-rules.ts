/** Defaults and immutable fields of the built-in kinds, as far as someone could come to rely on their absence. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../../api/object.ts'
import { ClusterError } from '../errors.ts'
import { CONTROLLER_REVISIONS, PODS, type ControllerRevision, type Pod } from '../objects.ts'
import { DEFAULT_GRACE_SECONDS } from './deletion.ts'
import { kindIdOf } from './object-store.ts'

type Rule = (object: KubeObject, old: KubeObject | undefined) => KubeObject

const RULES: Record<string, Rule> = {
  [`${PODS.version}/${PODS.kind}`]: (object, old) => admitPod(object as Pod, old as Pod | undefined),
  [`${CONTROLLER_REVISIONS.group}/${CONTROLLER_REVISIONS.version}/${CONTROLLER_REVISIONS.kind}`]: (object, old) =>
    admitRevision(object as ControllerRevision, old as ControllerRevision | undefined),
}

/** The object with defaults; throws Invalid. `old` is absent on create. */
export function admitBuiltIn(object: KubeObject, old: KubeObject | undefined): KubeObject {
  return RULES[kindIdOf(object)]?.(object, old) ?? object
}

function admitPod(pod: Pod, old: Pod | undefined): Pod {
  if (old) {
    checkPodUpdate(pod, old)
    return pod
  }
  if (!pod.spec?.containers?.length) {
    throw new ClusterError('Invalid', `Pod ${pod.metadata.name} is invalid: spec.containers: at least one is required`)
  }
  const spec: Pod['spec'] = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: DEFAULT_GRACE_SECONDS,
    ...pod.spec,
  }
  return { ...pod, spec, status: { phase: 'Pending' } }
}

/** A pod's spec is fixed, but for images and, once, the node: a patch of `nodeName` stands for the binding. */
function checkPodUpdate(pod: Pod, old: Pod): void {
  const nodeName = old.spec.nodeName ?? pod.spec.nodeName
  const allowed = {
    ...old.spec,
    ...(nodeName === undefined ? {} : { nodeName }),
    containers: old.spec.containers.map((container, index) => ({
      ...container,
      image: pod.spec.containers?.[index]?.image ?? container.image,
    })),
  }
  if (isDeepStrictEqual(pod.spec, allowed)) return
  throw new ClusterError(
    'Invalid',
    `Pod ${pod.metadata.name} is invalid: spec: a pod that exists may only change its images and, once, nodeName`,
  )
}

function admitRevision(revision: ControllerRevision, old: ControllerRevision | undefined): ControllerRevision {
  if (old && !isDeepStrictEqual(revision.data, old.data)) {
    throw new ClusterError('Invalid', `ControllerRevision ${revision.metadata.name} is invalid: data cannot change`)
  }
  return revision
}
