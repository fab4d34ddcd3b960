/** Where everything can be reached, as `dormouse dev` says it at its start. Pure. */
import type { DormouseFunction } from '../../api/function.ts'
import { keyOf } from '../../api/names.ts'
import type { Trigger } from '../../api/trigger.ts'
import { formatTable } from '../output/table.ts'

export interface Addresses {
  urls: { public: string; internal: string; management: string }
  functions: readonly DormouseFunction[]
  triggers: readonly Trigger[]
}

export function describeAddresses({ urls, functions, triggers }: Addresses): string {
  const listeners = [
    ['public', urls.public, 'http triggers'],
    ['internal', urls.internal, 'every function'],
    ['management', urls.management, 'health, metrics, dormouse get …'],
  ]
  const lines = listeners.map((cells) => `  ${pad(cells)}`)
  const rows = [
    ...functions.map((fn) => [`function/${fn.metadata.name}`, functionUrl(urls.internal, fn)]),
    ...triggers.map((trigger) => [`trigger/${trigger.metadata.name}`, triggerUrl(urls.public, trigger)]),
  ]
  const table = rows.length === 0 ? '' : `\n${formatTable(['NAME', 'URL'], rows)}\n`
  return `${lines.join('\n')}\n${table}`
}

const pad = ([name = '', url = '', what = '']: string[]) => `${name.padEnd(12)}${url.padEnd(26)}${what}`

export function functionUrl(internal: string, { metadata }: DormouseFunction): string {
  return `${internal}/fn/${keyOf(metadata)}`
}

/** Its first host stands for all; none means every host. */
function triggerUrl(publicUrl: string, { spec: { http, kafka, cron } }: Trigger): string {
  if (http === undefined)
    return kafka === undefined
      ? `cron ${cron?.schedule ?? ''} (${cron?.timezone ?? ''})`
      : `topics ${kafka.topics.join(', ')}`
  const [host] = http.hosts
  const methods = http.methods.length === 0 ? '' : `  (${http.methods.join(', ')})`
  return `${publicUrl}${http.path}${host === undefined ? '' : `  (Host: ${host})`}${methods}`
}
