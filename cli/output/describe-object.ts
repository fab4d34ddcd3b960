/** `dormouse describe`: one object for human eyes. Pure. */
import type { DormouseFunction } from '../../api/function.ts'
import type { Condition, KubeObject } from '../../api/object.ts'
import type { ClusterEvent } from '../../kube/objects.ts'
import { stringify } from 'yaml'
import { formatAge } from './age.ts'
import { formatTable } from './table.ts'
import { visible } from './visible.ts'

export interface Description {
  object: KubeObject
  /** Table of its pods; empty when it has none. */
  pods: string
  events: readonly ClusterEvent[]
  nowMs: number
}

export function describeObject({ object, pods, events, nowMs }: Description): string {
  const { metadata } = object
  const age = formatAge(nowMs - Date.parse(metadata.creationTimestamp))
  const head = [
    ['Name:', metadata.name],
    ...(metadata.namespace === undefined ? [] : [['Namespace:', metadata.namespace]]),
    ['Kind:', object.kind],
    ['Created:', `${metadata.creationTimestamp} (${age} ago)`],
    ...pairs('Labels:', metadata.labels),
    ...pairs('Annotations:', metadata.annotations),
    ...statusLines(object),
  ]
  const sections = [
    head.map(([name = '', value = '']) => `${name.padEnd(14)}${value}`).join('\n'),
    `Spec:\n${indent(stringify(shownSpec(object), { lineWidth: 0 }).trimEnd())}`,
    conditionSection(conditionsOf(object), nowMs),
    ...(pods === '' ? [] : [`Pods:\n${indent(pods)}`]),
    eventSection(events, nowMs),
  ]
  return visible(`${sections.join('\n\n')}\n`)
}

function pairs(title: string, entries: Record<string, string> | undefined): string[][] {
  return Object.entries(entries ?? {}).map(([name, value], index) => [index === 0 ? title : '', `${name}=${value}`])
}

function statusLines(object: KubeObject): string[][] {
  const { status } = object as Partial<DormouseFunction>
  if (object.kind !== 'Function' || status === undefined) return []
  return [
    ['Revision:', status.revision ?? 'none'],
    ['Pods:', `${status.readyPods ?? 0} ready of ${status.pods ?? 0}`],
    ['URL:', status.url ?? ''],
  ]
}

/** Code is named with its size, not printed. */
function shownSpec(object: KubeObject): unknown {
  const { spec } = object as Partial<DormouseFunction>
  if (object.kind !== 'Function' || spec?.code?.inline === undefined) return spec ?? {}
  const files = Object.entries(spec.code.inline).map(([name, text]) => [name, `${Buffer.byteLength(text)} bytes`])
  return { ...spec, code: { inline: Object.fromEntries(files) as unknown } }
}

function conditionsOf(object: KubeObject): Condition[] {
  return (object as Partial<DormouseFunction>).status?.conditions ?? []
}

function conditionSection(conditions: readonly Condition[], nowMs: number): string {
  if (conditions.length === 0) return 'Conditions:   none'
  const rows = conditions.map(({ type, status, reason, message, lastTransitionTime }) => [
    type,
    status,
    reason,
    formatAge(nowMs - Date.parse(lastTransitionTime)),
    message,
  ])
  return `Conditions:\n${indent(formatTable(['TYPE', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'], rows))}`
}

function eventSection(events: readonly ClusterEvent[], nowMs: number): string {
  if (events.length === 0) return 'Events:       none'
  const rows = events.map(({ lastTimestamp, type, reason, count, message }) => [
    formatAge(nowMs - Date.parse(lastTimestamp)),
    type,
    reason,
    `x${count}`,
    message,
  ])
  return `Events:\n${indent(formatTable(['AGE', 'TYPE', 'REASON', 'COUNT', 'MESSAGE'], rows))}`
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
