/** The gateway as it ships, with a controller that says once where the pod is; the controller is in the parent. */
import { createGateway } from '../../../gateway/gateway.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { FAKE_TOKEN } from '../../fakes/fake-controller.ts'
import { answerCpu } from './cpu-on-ask.ts'

const gateway = createGateway({
  controllerUrls: [process.argv[2] ?? ''],
  token: () => FAKE_TOKEN,
  reporter: 'bench',
  logger: silentLogger,
  host: '127.0.0.1',
  ports: { public: 0, internal: 0, management: 0 },
})
const { publicPort } = await gateway.start()
while (!gateway.router.feed.ready) await new Promise((resolve) => setTimeout(resolve, 5))
process.send?.({ port: publicPort })
answerCpu()
