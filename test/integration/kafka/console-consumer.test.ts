/** What Kafka's own console consumer sees of what dispatchers write: names, headers and bytes as docs/events.md promises them. */
import { expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureJars } from '../../../scripts/kafka/jars.ts'
import { findJava } from '../../../scripts/kafka/java.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { fails, useDispatchers } from './dispatchers-bed.ts'

const run = promisify(execFile)
const CONSUMER = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
const [BETWEEN, END, NEXT] = ['<|>', '<END>', '<&>']

interface Printed {
  partition: number
  offset: number
  headers: [name: string, value: string][]
  /** One character per byte. */
  key: string
  value: string
}

await describeOnKafka('an independent client', () => {
  const bed = useDispatchers()

  async function consume(topic: string, count: number): Promise<Printed[]> {
    const [java, jars] = [await findJava(process.env), await ensureJars({ env: process.env })]
    const shown = ['print.partition', 'print.offset', 'print.headers', 'print.key']
    const options = [
      ...shown.map((each) => `${each}=true`),
      ...[`key.separator=${BETWEEN}`, `headers.separator=${NEXT}`, `line.separator=${END}`],
    ]
    const { stdout } = await run(
      java,
      [
        ...['-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'],
        ...['-cp', join(jars, '*'), CONSUMER, '--bootstrap-server', bed.brokers.join(','), '--topic', topic],
        ...['--from-beginning', '--max-messages', String(count), '--timeout-ms', '60000'],
        ...options.flatMap((option) => ['--property', option]),
      ],
      { encoding: 'latin1', timeout: 90_000 },
    )
    return stdout.split(END).slice(0, count).map(parse)
  }

  function parse(line: string): Printed {
    const [partition = '', offset = '', headers = '', key = '', value = ''] = line.split(BETWEEN)
    const numberIn = (text: string) => Number(/\d+$/.exec(text)?.[0])
    return {
      ...{ partition: numberIn(partition), offset: numberIn(offset), key, value },
      headers: headers.split(NEXT).map((header) => {
        const at = header.indexOf(':')
        return [header.slice(0, at), header.slice(at + 1)]
      }),
    }
  }

  test('sees retried and dead-lettered records where they are to be, byte for byte, with what was added', async () => {
    const world = await bed.trigger('seen', {
      answer: fails,
      fn: { signature: 'http' },
      feed: { retry: { maxAttempts: 2, backoff: { initialMs: 100, factor: 1, maxMs: 100 }, maxAgeMs: 3_600_000 } },
    })
    const bytes = (...all: number[]) => Buffer.from(all)
    const [key, value] = [bytes(0x6b, 0xff, 0x00, 0x80), bytes(0xfe, 0x00, 0x0a, 0xc3, 0x28, 0x31)]
    const own = [
      ['b', bytes(0xff, 0x31)],
      ['a', bytes(0x32)],
      ['b', bytes()],
    ] as const
    const sentMs = 1_790_000_000_000
    await world.send({ key, value, partition: 1, headers: [...own], timestampMs: sentMs })
    await world.done()
    const { topic } = world
    const [tier] = await consume(`dormouse.default.${topic}.retry.100`, 1)
    const [dead] = await consume(`dormouse.default.${topic}.dlt`, 1)
    const latin1 = (each: Buffer) => each.toString('latin1')
    const id = `${topic}-1-0.${topic.slice(0, 8)}`
    const digits = expect.stringMatching(/^\d{13}$/)
    const origin = [
      ['dormouse-trigger', `default/${topic}`],
      ['dormouse-origin-topic', topic],
      ['dormouse-origin-partition', '1'],
      ['dormouse-origin-offset', '0'],
      ['dormouse-origin-timestamp', String(sentMs)],
      ['dormouse-first-failed-at', digits],
      ['dormouse-error-class', 'http-5xx'],
      ['dormouse-error-status', '500'],
      ['dormouse-error-message', 'as told'],
    ]
    const users = own.map(([name, each]) => [name, latin1(each)])
    for (const each of [tier, dead]) expect(each).toMatchObject({ key: latin1(key), value: latin1(value), offset: 0 })
    expect(tier?.headers).toEqual([
      ...users,
      ['dormouse-delivery-id', id],
      ['dormouse-attempt', '2'],
      ['dormouse-due', digits],
      ...origin,
      ['dormouse-trigger-uid', world.feed.uid],
    ])
    expect(dead?.headers).toEqual([
      ...users,
      ['dormouse-delivery-id', id],
      ['dormouse-attempt', '2'],
      ...origin,
      ['__dlq.errors.topic', `dormouse.default.${topic}.retry.100`],
      ['__dlq.errors.partition', String(tier?.partition)],
      ['__dlq.errors.offset', '0'],
      ['__dlq.errors.group', `dormouse.default.${topic}.${topic.slice(0, 8)}-retry`],
      ['__dlq.errors.delivery.count', '2'],
      ['__dlq.errors.message', 'as told'],
    ])
    const timeOf = (printed: Printed | undefined, name: string) =>
      Number(printed?.headers.find(([each]) => each === name)?.[1])
    expect(timeOf(tier, 'dormouse-due')).toBe(timeOf(tier, 'dormouse-first-failed-at') + 100)
  })
})
