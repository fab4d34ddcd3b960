import { expect, test } from '@jest/globals'
import { readEnvironment } from '../../../gateway/config.ts'

const NEEDED = { DORMOUSE_CONTROLLERS: 'http://10.0.0.1:8082, http://10.0.0.2:8082', DORMOUSE_TOKEN_FILE: '/token' }

test('controllers and a token file are enough', () => {
  expect(readEnvironment(NEEDED)).toMatchObject({
    DORMOUSE_CONTROLLERS: ['http://10.0.0.1:8082', 'http://10.0.0.2:8082'],
    DORMOUSE_PUBLIC_PORT: 8080,
    DORMOUSE_INTERNAL_PORT: 8081,
    DORMOUSE_MANAGEMENT_PORT: 9090,
  })
})

test('every mistake is named with what was expected', () => {
  const read = () => readEnvironment({ DORMOUSE_CONTROLLERS: 'controller:8082', DORMOUSE_PUBLIC_PORT: '99999' })
  expect(read).toThrow('DORMOUSE_CONTROLLERS: expected base URLs separated by commas, got "controller:8082"')
  expect(read).toThrow('DORMOUSE_TOKEN_FILE')
  expect(read).toThrow('DORMOUSE_PUBLIC_PORT')
})
