import { describe, expect, test } from '@jest/globals'
import { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from 'kafkajs'
import { EventLogError } from '../../../../events/event-log.ts'
import { CODES, kafkaCode, KafkaCodeError, mayRetry, toLogError } from '../../../../events/kafka/error-codes.ts'

const protocol = (code: number) =>
  new KafkaJSProtocolError({ type: 'X', code, message: 'no', retriable: false } as never)

describe('errors', () => {
  test.each([
    [CODES.UNKNOWN_TOPIC_OR_PARTITION, 'unknown-topic'],
    [CODES.INVALID_TOPIC, 'invalid-topic'],
    [CODES.MESSAGE_TOO_LARGE, 'too-large'],
    [CODES.RECORD_LIST_TOO_LARGE, 'too-large'],
    [CODES.OFFSET_METADATA_TOO_LARGE, 'too-large'],
    [CODES.ILLEGAL_GENERATION, 'not-assigned'],
    [CODES.UNKNOWN_MEMBER_ID, 'not-assigned'],
    [CODES.REBALANCE_IN_PROGRESS, 'unavailable'],
    [CODES.NOT_LEADER_FOR_PARTITION, 'unavailable'],
    [29, 'unavailable'],
  ])('%d is %s, whoever tells of it', (code, want) => {
    expect(toLogError(new KafkaCodeError(code, 'x'), 'a test').code).toBe(want)
    expect(toLogError(protocol(code), 'a test').code).toBe(want)
    const exceeded = new KafkaJSNumberOfRetriesExceeded(protocol(code), { retryCount: 1, retryTime: 1 })
    expect(toLogError(exceeded, 'a test').code).toBe(want)
  })

  test('a broker that cannot be reached is unavailable, and may be asked again', () => {
    const error = new KafkaJSConnectionError('refused', { code: 'ECONNREFUSED' })
    expect(kafkaCode(error)).toBeUndefined()
    expect(toLogError(error, 'a test')).toMatchObject({
      code: 'unavailable',
      message: 'a test failed: refused',
      cause: error,
    })
    expect(mayRetry(error)).toBe(true)
  })

  test('only what may pass is tried again', () => {
    expect(mayRetry(protocol(CODES.NOT_LEADER_FOR_PARTITION))).toBe(true)
    expect(mayRetry(protocol(CODES.MESSAGE_TOO_LARGE))).toBe(false)
    expect(mayRetry(new EventLogError('unavailable', 'said already'))).toBe(false)
  })
})
