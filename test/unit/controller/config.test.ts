import { expect, test } from '@jest/globals'
import { readEnvironment } from '../../../controller/config.ts'

const NEEDED = {
  DORMOUSE_NAMESPACE: 'dormouse-system',
  DORMOUSE_DATA_PLANES: 'dormouse-system/dormouse-gateway, dormouse-system/dormouse-dispatcher',
}

test('a namespace and the accounts of data planes are enough', () => {
  expect(readEnvironment(NEEDED)).toMatchObject({
    DORMOUSE_DATA_PLANES: ['dormouse-system/dormouse-gateway', 'dormouse-system/dormouse-dispatcher'],
    DORMOUSE_CONTROLLER_PORT: 8082,
    DORMOUSE_MANAGEMENT_PORT: 9090,
    DORMOUSE_LEASE: 'dormouse-controller',
  })
  expect(readEnvironment(NEEDED).DORMOUSE_KAFKA).toBeUndefined()
  expect(readEnvironment(NEEDED).DORMOUSE_LISTEN_HOST).toBeUndefined()
})

test('every mistake is named with what was expected', () => {
  const read = () =>
    readEnvironment({
      DORMOUSE_DATA_PLANES: 'gateway',
      DORMOUSE_POD_IP: 'here',
      DORMOUSE_PLATFORM_URL: 'http://gateway/path',
      DORMOUSE_KAFKA: 'broker',
    })
  expect(read).toThrow('DORMOUSE_NAMESPACE')
  expect(read).toThrow(
    'DORMOUSE_DATA_PLANES: expected namespace/serviceaccount[,namespace/serviceaccount…], got "gateway"',
  )
  expect(read).toThrow('DORMOUSE_POD_IP')
  expect(read).toThrow('DORMOUSE_PLATFORM_URL: expected a URL without a path')
  expect(read).toThrow('DORMOUSE_KAFKA: expected host:port')
})
