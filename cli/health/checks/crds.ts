/** Does the API server know our kinds, as this CLI knows them? Pure. */
import { KINDS } from '../../../api/kinds.ts'
import { VERSION as API_VERSION } from '../../../api/names.ts'
import type { CustomResourceDefinition, JsonSchema } from '../../cluster/platform-kinds.ts'
import { installCommand, kubectl } from '../commands.ts'
import { some, type Finding } from '../finding.ts'
import { valueOf, type Observation } from '../observation.ts'

export function checkCrds(observation: Observation): Finding[] {
  const { crds, wantedSchemas } = observation
  const installed = valueOf(crds)
  if (installed === undefined) return []
  const names = KINDS.map(({ plural, group }) => `${plural}.${group}`)
  const missing = names.filter((name) => !installed.some(({ metadata }) => metadata.name === name))
  if (missing.length > 0) {
    const problem = `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`
    return [{ subject: 'CRDs', problem, remedy: `Install them with ${installCommand(observation)}.` }]
  }
  return installed
    .filter(({ metadata }) => names.includes(metadata.name))
    .flatMap((crd) => [
      ...establishedFindings(observation, crd),
      ...schemaFindings(observation, crd, wantedSchemas?.get(crd.metadata.name)),
    ])
}

function establishedFindings(observation: Observation, { metadata, status }: CustomResourceDefinition): Finding[] {
  const established = status?.conditions?.find(({ type }) => type === 'Established')
  if (established?.status === 'True') return []
  const wrong = status?.conditions?.find(({ status: value, message }) => value === 'False' && message !== undefined)
  const problem = `${metadata.name} is not established${wrong === undefined ? '' : `: ${wrong.message}`}.`
  const look = kubectl(observation, undefined, ['describe', 'crd', metadata.name])
  return [{ subject: 'CRDs', problem, remedy: `Look at it with ${look}.` }]
}

function schemaFindings(
  observation: Observation,
  { metadata: { name }, spec }: CustomResourceDefinition,
  wanted: JsonSchema | undefined,
): Finding[] {
  const { cliVersion } = observation
  const schema = spec.versions.find((version) => version.name === API_VERSION)?.schema?.openAPIV3Schema
  if (wanted === undefined || schema === undefined) return []
  const [here, there] = [fieldsOf(wanted), fieldsOf(schema)]
  const lacking = [...here].filter((field) => !there.has(field))
  if (lacking.length > 0) {
    const problem = `${name} is older than this CLI (${cliVersion}): it does not know ${some(outermost(lacking))}.`
    return [{ subject: 'CRDs', problem, remedy: `Bring it up to date with ${installCommand(observation)}.` }]
  }
  const unknown = [...there].filter((field) => !here.has(field))
  if (unknown.length === 0) return []
  const problem = `${name} is newer than this CLI (${cliVersion}), which does not know ${some(outermost(unknown))}.`
  return [{ subject: 'CRDs', problem, remedy: 'Use the CLI of the version that is installed.' }]
}

/** `spec.scaling.max`; items of lists and maps are told by their field's name alone. */
function fieldsOf(schema: JsonSchema, path = ''): Set<string> {
  const fields = new Set<string>()
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const inner = path === '' ? name : `${path}.${name}`
    fields.add(inner)
    for (const field of fieldsOf(child, inner)) fields.add(field)
  }
  const { items, additionalProperties: values } = schema
  for (const child of [items, typeof values === 'object' ? values : undefined])
    for (const field of child === undefined ? [] : fieldsOf(child, path)) fields.add(field)
  return fields
}

/** Without those inside others of them. */
function outermost(fields: readonly string[]): string[] {
  return fields.filter((field) => !fields.some((other) => field.startsWith(`${other}.`)))
}
