/** Dead letters for human eyes. Pure. */
import type { DeadLetterInfo, RedriveResult } from '../../api/events-api.ts'
import { formatAge } from './age.ts'
import { cut, formatPayload } from './payload.ts'
import { formatTable } from './table.ts'
import { visible } from './visible.ts'

const KEY_WIDTH = 24
const MESSAGE_WIDTH = 60

export function deadLetterTable(letters: readonly DeadLetterInfo[], nowMs: number): string {
  const rows = letters.map((letter) => [
    letter.id,
    formatAge(nowMs - Date.parse(letter.timestamp)),
    letter.class,
    String(letter.attempts),
    cut(formatPayload(letter.key, ''), KEY_WIDTH),
    cut(`${partOf(letter)}${letter.message.replace(/\s+/g, ' ')}`, MESSAGE_WIDTH),
  ])
  return visible(formatTable(['ID', 'AGE', 'CLASS', 'ATTEMPTS', 'KEY', 'MESSAGE'], rows))
}

/** Nothing is cut. */
export function describeDeadLetter(letter: DeadLetterInfo, nowMs: number): string {
  const { origin, firstFailedAt, headers, value } = letter
  const time = (text: string) => `${text} (${formatAge(nowMs - Date.parse(text))} ago)`
  const rows = [
    ['Dead letter:', letter.id],
    ['Delivery:', letter.deliveryId],
    ['Since:', time(letter.timestamp)],
    ['First failed:', firstFailedAt === undefined ? 'unknown' : time(firstFailedAt)],
    ['Class:', letter.status === undefined ? letter.class : `${letter.class} (status ${letter.status})`],
    ['Attempts:', String(letter.attempts)],
    ['Redriven:', `${letter.redriveCount} times`],
    ['Origin:', `${origin.topic}/${origin.partition}@${origin.offset} of ${origin.timestamp}`],
    ['Key:', formatPayload(letter.key, '(none)')],
    ...(letter.batch === undefined ? [] : [['Batch:', batchLine(letter.batch)]]),
  ].map(([name = '', text = '']) => `${name.padEnd(14)}${text}`)
  const sections = [
    rows.join('\n'),
    `Message:\n${indent(letter.message)}`,
    `Headers:\n${indent(headers.map((header) => `${header.name}: ${header.value}`).join('\n'))}`,
    `Value:\n${indent(value !== null && 'text' in value ? value.text : formatPayload(value, '(tombstone)'))}`,
  ]
  return visible(`${sections.join('\n\n')}\n`)
}

/** Of a batch that is kept in several dead letters. */
function partOf({ batch }: DeadLetterInfo): string {
  return batch === undefined || batch.parts === 1 ? '' : `(${batch.part} of ${batch.parts}) `
}

function batchLine({ firstOffset, lastOffset, part, parts }: NonNullable<DeadLetterInfo['batch']>): string {
  const which = parts === 1 ? 'the bytes' : `part ${part} of ${parts} of the bytes`
  return `the value is ${which} of the batch of offsets ${firstOffset} to ${lastOffset}, as stored; it cannot be redriven`
}

/** `done`: redriven or purged. */
export function moveSentence({ matched, moved }: RedriveResult, done: string, dryRun: boolean): string {
  if (matched === 0) return 'no dead letter fits'
  return dryRun ? `${letters(matched)} would be ${done}` : `${letters(moved)} ${done}`
}

export function letters(count: number): string {
  return count === 1 ? '1 dead letter' : `${count} dead letters`
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
