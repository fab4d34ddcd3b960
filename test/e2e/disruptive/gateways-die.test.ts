import { expect, jest } from '@jest/globals'
import { scenario, useBed } from '../bed.ts'
import { describeOnCluster } from '../environment.ts'
import { killPods, partPods, restartPart, rolledOut } from '../installation.ts'
import { startLoad } from '../load.ts'
import { functionOf, taking } from '../manifests.ts'

jest.setTimeout(480_000)
const WORKERS = 4
/** What a caller sees of a process that is gone before kube-proxy has heard of it. */
const CONNECTION_LOST = /ECONNRESET|ECONNREFUSED|EPIPE|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT|other side closed/

describeOnCluster(
  'while gateways die',
  () => {
    const bed = useBed('gateways')

    const load = async () => {
      await bed.deploy(functionOf('steady', taking(20), { concurrency: 8, scaling: { min: 1 } }))
      await bed.call('steady')
      const started = startLoad(() => bed.call('steady'), { workers: WORKERS })
      await started.more(50)
      return started
    }

    scenario(bed, 'by a kill: only its own connections are lost, the other one goes on', async () => {
      const running = await load()
      const [victim] = await partPods('gateway')
      await killPods([victim!])
      await running.more(200)
      await rolledOut('gateway')
      await running.end()
      expect(running.failures.filter((failure) => !CONNECTION_LOST.test(failure))).toEqual([])
    })

    scenario(bed, 'one after the other, as in an upgrade: no request fails', async () => {
      const running = await load()
      await restartPart('gateway')
      await running.more(100)
      await running.end()
      expect(running.failures).toEqual([])
    })
  },
  { addresses: true },
)
