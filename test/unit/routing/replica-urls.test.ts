import { describe, expect, test } from '@jest/globals'
import { replicaUrls, sharedHost } from '../../../routing/replica-urls.ts'

describe('sharedHost', () => {
  const rows: [string, string | undefined][] = [
    ['http://dormouse-controllers.dormouse-system.svc:8082', 'dormouse-controllers.dormouse-system.svc'],
    ['http://controllers', 'controllers'],
    ['http://10.0.0.7:8082', undefined],
    ['http://[fd00::7]:8082', undefined],
    ['http://localhost:8082', undefined],
    ['https://controllers:8082', undefined],
  ]
  test.each(rows)('of %s is %s', (url, want) => expect(sharedHost(url)).toBe(want))
})

describe('replicaUrls', () => {
  test('a host stands for a replica at each of its addresses, on the same port', () => {
    const addresses = new Map([['controllers', ['fd00::2', '10.0.0.2', '10.0.0.1']]])
    expect(replicaUrls(['http://controllers:8082'], addresses)).toEqual([
      'http://10.0.0.1:8082',
      'http://10.0.0.2:8082',
      'http://[fd00::2]:8082',
    ])
  })

  test('addresses and hosts may be mixed; what is named twice is one', () => {
    const addresses = new Map([['controllers', ['10.0.0.1']]])
    const urls = ['http://10.0.0.1:8082', 'http://controllers:8082', 'http://10.0.0.9:8082']
    expect(replicaUrls(urls, addresses)).toEqual(['http://10.0.0.1:8082', 'http://10.0.0.9:8082'])
  })

  test('a host that is not resolved yet has none', () => {
    expect(replicaUrls(['http://controllers:8082'], new Map())).toEqual([])
  })
})
