/** Functions find the platform by DORMOUSE_URL. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { activate, ControllerBed, endpointOf, type ControllerProcess } from './controller-bed.ts'

let bed: ControllerBed
beforeEach(async () => {
  bed = await new ControllerBed().start()
})
afterEach(() => bed.stop())

/** What the pod was told that answers for the function. */
async function specialized(process: ControllerProcess, name: string) {
  const { pod } = endpointOf(await activate(process, name))
  return bed.kubelet.pods.get(pod)?.runtime.specialization
}

test('every function is told where the platform is, beside its own environment', async () => {
  const process = await bed.controller({ platformUrl: 'http://127.0.0.1:8081' })
  await bed.function('hello', { env: [{ name: 'GREETING', value: 'hi' }] })
  expect((await specialized(process, 'hello'))?.env).toEqual({ GREETING: 'hi', DORMOUSE_URL: 'http://127.0.0.1:8081' })
})

test('where it is makes no other revision: nothing is rolled out anew when it moves', async () => {
  const [here, there] = [await bed.controller({ platformUrl: 'http://a' }), await bed.controller()]
  await bed.function('one')
  await bed.function('two')
  const [one, two] = [await specialized(here, 'one'), await specialized(there, 'two')]
  expect(one?.revision).toBe(two?.revision)
  expect(two?.env).toEqual({})
})
