import { describe, expect, test } from '@jest/globals'
import { judgePhoneHome, type PhoneHomeInput } from '../../../../controller/fleet/phone-home.ts'

const message = { namespace: 'a', name: 'p', uid: 'u1', address: '10.0.0.1', controlPort: 1, dataPort: 2 }
const input = (change: Partial<PhoneHomeInput>): PhoneHomeInput => ({
  message,
  remoteAddress: '10.0.0.1',
  tokenValid: true,
  known: { uid: 'u1', podIP: '10.0.0.1' },
  ...change,
})

describe('judgePhoneHome', () => {
  const cases: [string, PhoneHomeInput, object][] = [
    ['believes a pod that is who it says', input({}), { kind: 'believed' }],
    ['believes a pod the API has not shown yet', input({ known: undefined }), { kind: 'believed' }],
    [
      'believes a pod whose address the kubelet has not reported',
      input({ known: { uid: 'u1' } }),
      { kind: 'believed' },
    ],
    [
      'takes an IPv4 address mapped into IPv6 for the same',
      input({ remoteAddress: '::ffff:10.0.0.1' }),
      { kind: 'believed' },
    ],
    [
      'refuses a wrong token before anything else',
      input({ tokenValid: false, remoteAddress: '1.1.1.1' }),
      { status: 401, code: 'wrong-token' },
    ],
    ['refuses a foreign address', input({ remoteAddress: '10.0.0.2' }), { status: 403, code: 'foreign-address' }],
    ['refuses another uid', input({ known: { uid: 'u2' } }), { status: 403, code: 'wrong-uid' }],
    [
      'refuses an address the kubelet disagrees with',
      input({ known: { uid: 'u1', podIP: '10.0.0.9' } }),
      { status: 403, code: 'foreign-address' },
    ],
  ]
  test.each(cases)('%s', (_name, given, want) => expect(judgePhoneHome(given)).toMatchObject(want))
})
