import { expect, test } from '@jest/globals'
import { StopList } from '../../../local/stop-list.ts'

function recorded() {
  const order: string[] = []
  const list = new StopList()
  return { order, list, add: (part: 'store' | 'kubelet' | 'gateway') => list.add(part, () => void order.push(part)) }
}

test('parts end in the order that loses nothing, however they were started', async () => {
  const { order, list, add } = recorded()
  add('store')
  add('gateway')
  add('kubelet')
  await list.run(0)
  expect(order).toEqual(['gateway', 'kubelet', 'store'])
})

test('a second stop waits for the first and ends nothing twice', async () => {
  const { order, list, add } = recorded()
  add('store')
  await Promise.all([list.run(0), list.run(0)])
  expect(order).toEqual(['store'])
})

test('a part that fails to end does not keep the others from ending, and is told', async () => {
  const { order, list, add } = recorded()
  list.add('gateway', () => Promise.reject(new Error('stuck')))
  add('store')
  await expect(list.run(0)).rejects.toThrow('stuck')
  expect(order).toEqual(['store'])
})
