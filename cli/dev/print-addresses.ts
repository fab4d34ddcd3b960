/** Where everything can be reached, as `dormouse dev` says it at its start. Pure. */
import type { DormouseFunction } from '../../api/function.ts'
import { keyOf } from '../../api/names.ts'
import type { HttpTrigger, Trigger } from '../../api/trigger.ts'
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
    ...triggers.map((trigger) => [`trigger/${trigger.metadata.name}`, triggerUrl(urls, trigger)]),
  ]
  const table = rows.length === 0 ? '' : `\n${formatTable(['NAME', 'URL'], rows)}\n`
  return `${lines.join('\n')}\n${table}`
}

const pad = ([name = '', url = '', what = '']: string[]) => `${name.padEnd(12)}${url.padEnd(26)}${what}`

export function functionUrl(internal: string, { metadata }: DormouseFunction): string {
  return `${internal}/fn/${keyOf(metadata)}`
}

/** Of a kafka Trigger where its topics can be written. */
function triggerUrl(urls: Addresses['urls'], { spec: { http, kafka, cron } }: Trigger): string {
  if (kafka !== undefined) return kafka.topics.map((topic) => `${urls.internal}/topics/${topic}`).join('  ')
  if (cron !== undefined) return `cron ${cron.schedule}  (${cron.timezone})`
  return http === undefined ? '' : routeUrl(urls.public, http)
}

/** Its first host stands for all; none means every host. */
function routeUrl(publicUrl: string, { hosts, methods, path }: HttpTrigger): string {
  const [host] = hosts
  const only = methods.length === 0 ? '' : `  (${methods.join(', ')})`
  return `${publicUrl}${path}${host === undefined ? '' : `  (Host: ${host})`}${only}`
}
