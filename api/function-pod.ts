/** What a Function's container is given: environment and resources. Schema pieces of function.ts; what values mean is in function-pod-rules.ts. */
import { z } from 'zod'
import { listMap } from './schema.ts'

const MAX_ENV = 100
export const MAX_ENV_BYTES = 4096
/** Kubernetes' bounds on names of objects and on keys of Secrets and ConfigMaps. */
export const MAX_NAME = 253
const MAX_QUANTITY = 20

const keyRefSchema = (kind: 'Secret' | 'ConfigMap') =>
  z.strictObject({
    name: z.string().max(MAX_NAME).describe(`Name of a ${kind} in the Function's namespace.`),
    key: z.string().max(MAX_NAME).describe(`Which of the ${kind}'s keys.`),
    optional: z
      .boolean()
      .optional()
      .describe(`Without the ${kind} or its key the variable is left out; else no pod starts until they are there.`),
  })

const valueFromSchema = z
  .strictObject({
    secretKeyRef: keyRefSchema('Secret')
      .optional()
      .describe(
        'A key of a Secret, put into the pod by the kubelet: Dormouse itself never reads it. A changed Secret reaches pods made after the change.',
      ),
    configMapKeyRef: keyRefSchema('ConfigMap')
      .optional()
      .describe(
        'A key of a ConfigMap, put into the pod by the kubelet. A changed ConfigMap reaches pods made after the change.',
      ),
  })
  .describe('Where the value comes from: exactly one of secretKeyRef, configMapKeyRef.')

const envVariableSchema = z.strictObject({
  name: z.string().max(128).describe('A C identifier; names that the platform sets are reserved.'),
  value: z.string().max(MAX_ENV_BYTES).default('').describe('The value, as text.'),
  valueFrom: valueFromSchema.optional(),
})

export const envSchema = listMap(envVariableSchema, 'name', MAX_ENV)
  .default([])
  .describe('Environment variables of the function; at most 4 KiB in all.')

export type EnvVariable = z.infer<typeof envVariableSchema>

export const DEFAULT_LIMITS = { cpu: '1', memory: '128Mi' } as const

export const resourcesSchema = z
  .strictObject({
    limits: z
      .strictObject({
        cpu: z
          .string()
          .max(MAX_QUANTITY)
          .default(DEFAULT_LIMITS.cpu)
          .describe('Processor time one pod may use, 10m to 64.'),
        memory: z
          .string()
          .max(MAX_QUANTITY)
          .default(DEFAULT_LIMITS.memory)
          .describe('Memory one pod may use, 32Mi to 10240Mi.'),
      })
      .prefault({})
      .describe('What one pod may use at most.'),
    requests: z
      .strictObject({
        cpu: z.string().max(MAX_QUANTITY).optional().describe('Processor time set aside; without it 10m.'),
        memory: z
          .string()
          .max(MAX_QUANTITY)
          .optional()
          .describe('Memory set aside; without it 64Mi, or the limit if that is less.'),
      })
      .optional()
      .describe('What one pod needs at least: it is placed on a node that has as much left.'),
  })
  .prefault({})
  .describe('Resources of one pod. Local mode has no limit of its own on processor time.')

export type FunctionResources = z.infer<typeof resourcesSchema>
