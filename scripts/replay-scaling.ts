/**
 * `npm run replay:scaling [FILE]`: decides again what the log of a controller at level `debug` says was decided, from a file or standard input,
 * and tells where this tree would decide otherwise. Exit 1 when it would somewhere, 2 when the log has no decision or a damaged one.
 */
import { readFileSync } from 'node:fs'
import { recordsIn, replay } from '../controller/autoscaler/recording.ts'
import { errorText } from '../lib/error-text.ts'

function main(file: string | undefined): number {
  const records = recordsIn(readFileSync(file ?? process.stdin.fd, 'utf8'))
  if (records.length === 0) {
    console.error('expected decisions of a controller whose log level is debug, found none')
    return 2
  }
  const others = replay(records).filter(
    ({ record, desired, reason }) => desired !== record.desired || reason !== record.reason,
  )
  for (const { record, desired, reason } of others) {
    console.log(
      `${record.time ?? ''} ${record.function}: ${record.desired} (${record.reason}), now ${desired} (${reason})`,
    )
  }
  console.log(`${records.length} decisions, ${others.length} of them otherwise`)
  return others.length === 0 ? 0 : 1
}

try {
  process.exitCode = main(process.argv[2])
} catch (error) {
  console.error(errorText(error))
  process.exitCode = 2
}
