/** Our three kinds as plain descriptors: what clients, the CRDs and the command line need to name them. */
import type { DormouseFunction } from './function.ts'
import { GROUP, VERSION } from './names.ts'
import type { KubeObject } from './object.ts'
import type { Runtime } from './runtime.ts'
import type { Trigger } from './trigger.ts'

export interface KindDescriptor<T extends KubeObject> {
  group: string
  version: string
  kind: T['kind']
  plural: string
  shortNames: readonly string[]
  namespaced: boolean
  /** Whether it has a status, written through its own subresource. */
  hasStatus: boolean
  /** Carries T; never set. */
  readonly __type?: T
}

const ours = { group: GROUP, version: VERSION }

export const FUNCTIONS: KindDescriptor<DormouseFunction> = {
  ...ours,
  kind: 'Function',
  plural: 'functions',
  shortNames: ['fn'],
  namespaced: true,
  hasStatus: true,
}

export const TRIGGERS: KindDescriptor<Trigger> = {
  ...ours,
  kind: 'Trigger',
  plural: 'triggers',
  shortNames: ['trg'],
  namespaced: true,
  hasStatus: true,
}

export const RUNTIMES: KindDescriptor<Runtime> = {
  ...ours,
  kind: 'Runtime',
  plural: 'runtimes',
  shortNames: ['rt'],
  namespaced: false,
  hasStatus: false,
}

export const KINDS = [FUNCTIONS, TRIGGERS, RUNTIMES] as const
export type KindName = (typeof KINDS)[number]['kind']
