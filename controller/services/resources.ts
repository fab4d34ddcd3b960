/** Pure: the Service by which a Function has a name in the cluster's DNS. */
import { LABEL } from '../../api/names.ts'
import type { DormouseFunction } from '../../api/function.ts'
import type { Service } from '../../kube/objects.ts'
import { MANAGED_BY } from '../fleet/resources.ts'
import { ownerReference } from '../ownership.ts'

/** What is applied: labels, owner and where it points, and nothing else. `host` is the internal listener of the gateways. */
export function functionService({ metadata }: DormouseFunction, host: string) {
  const { namespace = '', name } = metadata
  return {
    apiVersion: 'v1',
    kind: 'Service' as const,
    metadata: {
      namespace,
      name,
      labels: { [LABEL.managedBy]: MANAGED_BY, [LABEL.function]: name },
      ownerReferences: [ownerReference('Function', metadata)],
    },
    spec: { type: 'ExternalName' as const, externalName: host },
  }
}

/** Names of Services begin with a letter (RFC 1035), those of Functions may begin with a digit. */
export function canNameService(name: string): boolean {
  return /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)
}

/** Whether a Service of ours says what it should; fields that others add are theirs. */
export function isCurrent({ spec }: Service, host: string): boolean {
  return spec.type === 'ExternalName' && spec.externalName === host
}
