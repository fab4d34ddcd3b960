import { expect, test } from '@jest/globals'
import type { ObjectKey } from '../../../api/names.ts'
import type { FleetPod } from '../../../controller/fleet/fleet.ts'
import { registerFunctionMetrics } from '../../../controller/function-metrics.ts'
import { createServingBook, type Serving } from '../../../controller/functions/serving.ts'
import { createMetrics } from '../../../lib/metrics.ts'

test('functions have their pods by stage and the memory that is reserved for them, as long as they have any and exist', async () => {
  const metrics = createMetrics()
  const serving = createServingBook()
  const of = (key: ObjectKey, memoryMb: number) => serving.set({ key, memoryMb } as Serving)
  of('shop/cart', 128)
  of('shop/asleep', 512)
  const phases: FleetPod['phase'][] = ['ready', 'ready', 'leaving']
  const pods = (key: ObjectKey) => (key === 'shop/cart' ? phases.map((phase) => ({ phase }) as FleetPod) : [])
  registerFunctionMetrics(metrics, { serving, fleet: { pods } })
  const samples = async () => (await metrics.registry.metrics()).split('\n').filter((line) => line.includes('shop/'))
  expect(await samples()).toEqual([
    'dormouse_controller_function_pods{function="shop/cart",stage="ready"} 2',
    'dormouse_controller_function_pods{function="shop/cart",stage="leaving"} 1',
    `dormouse_controller_function_memory_bytes{function="shop/cart"} ${3 * 128 * 1024 * 1024}`,
  ])
  serving.remove('shop/cart')
  expect(await samples()).toEqual([])
})
