/** How a kafka or cron Trigger stands, for human eyes. Pure. */
import type { PartitionInfo, SubscriptionInfo, TriggerInfo } from '../../api/events-api.ts'
import { formatAge } from './age.ts'
import { formatTable } from './table.ts'
import { visible } from './visible.ts'

const NAME_WIDTH = 18

/** What `trigger describe` prints. */
export function describeTrigger(state: TriggerInfo, nowMs: number): string {
  const { subscription } = state
  const head = [
    ['Trigger:', subscription.trigger],
    ['Function:', subscription.function],
    ['Source:', `${subscription.source}: ${subscription.topics.join(', ')}`],
  ]
  return `${lines(head)}\n\n${consumptionSection(state, nowMs)}`
}

/** The part that `describe trigger` shows, too. */
export function consumptionSection(state: SubscriptionInfo, nowMs: number): string {
  const { lag, running, waitingForRetry, holding, meanCallMs } = state
  const rows = [
    ['Lag:', String(lag)],
    ['Due:', due(state)],
    ['In flight:', String(running)],
    ['Attempts:', attempts(state)],
    ['Retries:', retries(state.retriedAfterMs, waitingForRetry)],
    ['Dead letters:', byName(state.deadLetters)],
    ['Holding:', holding ?? 'no'],
    ['Circuit:', circuit(state)],
    ...(meanCallMs === undefined ? [] : [['Mean call:', milliseconds(meanCallMs)]]),
    ['Commits:', commits(state)],
    ...(state.logErrors.count === 0 ? [] : [['Log errors:', logErrors(state, nowMs)]]),
  ]
  const sections = [`Consumption:\n${indent(lines(rows))}`, errorSection(state, nowMs), partitionSection(state)]
  return visible(`${sections.join('\n\n')}\n`)
}

function due({ due: records, oldestDueAgeMs }: SubscriptionInfo): string {
  return oldestDueAgeMs === undefined
    ? String(records)
    : `${records}, the oldest not done for ${formatAge(oldestDueAgeMs)}`
}

function circuit({ circuit: now, circuitOpened }: SubscriptionInfo): string {
  return circuitOpened === 0 ? now : `${now}, opened ${circuitOpened === 1 ? 'once' : `${circuitOpened} times`}`
}

function commits({ commits: { done, failed, meanMs, lastMs } }: SubscriptionInfo): string {
  const times =
    meanMs === undefined || lastMs === undefined ? [] : [`mean ${milliseconds(meanMs)}`, `last ${milliseconds(lastMs)}`]
  return [String(done), ...times, ...(failed === 0 ? [] : [`${failed} failed`])].join(', ')
}

function logErrors({ logErrors: { count, last } }: SubscriptionInfo, nowMs: number): string {
  if (last === undefined) return String(count)
  return `${count}, the last ${formatAge(nowMs - last.atMs)} ago: ${last.message.replace(/\s+/g, ' ')}`
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`
}

function attempts({
  done,
  filtered,
  held,
  failed,
  rejected,
  duplicatesSkipped,
  publishFailures,
}: SubscriptionInfo): string {
  const also = Object.entries({
    filtered,
    held,
    'duplicates skipped': duplicatesSkipped,
    'not stored': publishFailures,
  })
  const rest = also.filter(([, count]) => count > 0).map(([what, count]) => `, ${count} ${what}`)
  return `${done} done, ${byName(failed, 'failed')}, ${byName(rejected, 'rejected')}${rest.join('')}`
}

function retries(afterMs: Record<string, number>, waiting: number): string {
  const after = Object.entries(afterMs).map(([ms, count]) => [delay(Number(ms)), count] as const)
  return `${byName(Object.fromEntries(after))}, ${waiting} waiting`
}

function delay(ms: number): string {
  return ms < 1_000 ? `after ${ms}ms` : `after ${formatAge(ms)}`
}

/** `3 failed (handled 2, timeout 1)` */
function byName(counts: Readonly<Record<string, number>>, what = ''): string {
  const given = Object.entries(counts).filter(([, count]) => count > 0)
  const total = given.reduce((before, [, count]) => before + count, 0)
  const sum = what === '' ? String(total) : `${total} ${what}`
  return total === 0 ? sum : `${sum} (${given.map(([name, count]) => `${name} ${count}`).join(', ')})`
}

function errorSection({ recentErrors }: SubscriptionInfo, nowMs: number): string {
  if (recentErrors.length === 0) return 'Last errors:  none'
  const rows = [...recentErrors]
    .sort((a, b) => b.atMs - a.atMs)
    .map((error) => [
      formatAge(nowMs - error.atMs),
      error.class,
      String(error.attempt),
      error.deliveryId,
      error.message.replace(/\s+/g, ' '),
    ])
  return `Last errors:\n${indent(formatTable(['AGE', 'CLASS', 'ATTEMPT', 'DELIVERY', 'MESSAGE'], rows))}`
}

/** Those with something in them, and retry tiers only while something waits there: there may be dozens. */
function partitionSection({ sources, tiers }: SubscriptionInfo): string {
  const partitions = [...sources.filter(({ end }) => end > 0), ...tiers.filter(({ lag }) => lag > 0)]
  if (partitions.length === 0) return 'Partitions:   none with records'
  const heads = ['TOPIC', 'PARTITION', 'POSITION', 'END', 'LAG', 'IN FLIGHT', 'WAITING', 'BLOCKED']
  return `Partitions:\n${indent(formatTable(heads, partitions.map(partitionRow)))}`
}

function partitionRow(info: PartitionInfo): string[] {
  const { topic, partition, position, end, lag, running, notDue, waitingInPlace, blocked } = info
  return [topic, ...[partition, position, end, lag, running, notDue + waitingInPlace, blocked].map(String)]
}

function lines(rows: readonly (readonly string[])[]): string {
  return rows.map(([name = '', value = '']) => `${name.padEnd(NAME_WIDTH)}${value}`).join('\n')
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
