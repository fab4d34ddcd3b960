import { afterEach, expect, test } from '@jest/globals'
import { holdFreePort } from '../../../local/free-port.ts'
import { until } from '../../builders/eventually.ts'
import { describeWithIpv6 } from '../../builders/ipv6.ts'
import { activate, ControllerBed, endpointOf } from './controller-bed.ts'

let bed: ControllerBed
afterEach(() => bed.stop())

describeWithIpv6('where there is only IPv6', () => {
  test('pods call home, are claimed, and are told to data planes with their address in brackets', async () => {
    bed = await new ControllerBed({ host: '::1' }).start({ poolSize: 1 })
    const { port, release } = await holdFreePort('::1')
    await release()
    const process = await bed.controller({ port })
    await bed.function('hello')
    await until(() => bed.kubelet.running().some(({ runtime }) => runtime.calls[0] === 204))
    const { address } = endpointOf(await activate({ ...process, url: `http://[::1]:${port}` }, 'hello'))
    expect(address).toMatch(/^\[::1\]:\d+$/)
  })
})
