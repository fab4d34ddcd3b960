/** Do dispatchers that are ready reach Kafka at this moment? Before they have once, they are not ready: platform.ts. Pure. */
import type { Finding } from '../finding.ts'
import type { Observation } from '../observation.ts'
import { KAFKA_REMEDY, sentence } from './platform.ts'

export function checkKafka({ words }: Observation): Finding[] {
  const dispatchers = words.filter(({ component, ready }) => component === 'dispatcher' && ready)
  const cutOff = dispatchers.filter(({ withoutKafka }) => withoutKafka !== undefined)
  const [first] = cutOff
  if (first === undefined) return []
  const who = cutOff.length === dispatchers.length ? 'No dispatcher reaches' : `Pod ${first.pod} does not reach`
  const problem = sentence(`${who} it, and its events wait: ${first.withoutKafka ?? ''}`)
  return [{ subject: 'Kafka', problem, remedy: KAFKA_REMEDY }]
}
