import { expect, test } from '@jest/globals'
import { Contender, Scheduler } from '../../../../events/consumption/scheduler.ts'

const FN = 'shop/mailer'

/** Has so many records; each of its calls runs until it is told to end. */
class Records extends Contender {
  readonly #scheduler: Scheduler
  readonly #started: string[]
  readonly #name: string
  #left: number

  constructor(scheduler: Scheduler, started: string[], { name, left }: { name: string; left: number }) {
    super()
    this.#scheduler = scheduler
    this.#started = started
    this.#name = name
    this.#left = left
  }

  startNext(): boolean {
    if (this.#left === 0) return false
    this.#left--
    this.#started.push(this.#name)
    return true
  }

  offer(): void {
    this.#scheduler.offer(FN, this)
  }
}

function contender(...[scheduler, started, records]: ConstructorParameters<typeof Records>): Records {
  return new Records(scheduler, started, records)
}

test('never more calls of a function at once than it can take now', () => {
  let capacity = 2
  const scheduler = new Scheduler({ capacity: () => capacity })
  const started: string[] = []
  contender(scheduler, started, { name: 'a', left: 9 }).offer()
  expect([started.length, scheduler.inFlight(FN)]).toEqual([2, 2])
  scheduler.finished(FN)
  expect(started).toHaveLength(3)
  capacity = 4
  scheduler.capacityChanged()
  expect([started.length, scheduler.inFlight(FN)]).toEqual([5, 4])
  capacity = 1
  scheduler.finished(FN)
  expect([started.length, scheduler.inFlight(FN)]).toEqual([5, 3])
})

test('those that have records take turns, however many each has', () => {
  const scheduler = new Scheduler({ capacity: () => 1 })
  const started: string[] = []
  for (const [name, left] of [
    ['a', 100],
    ['b', 2],
    ['c', 2],
  ] as const)
    contender(scheduler, started, { name, left }).offer()
  for (let n = 0; n < 7; n++) scheduler.finished(FN)
  // The first call began before the others were there.
  expect(started.join('')).toBe('aabcabca')
})

test('functions do not wait for each other', () => {
  const scheduler = new Scheduler({ capacity: () => 1 })
  const started: string[] = []
  contender(scheduler, started, { name: 'a', left: 5 }).offer()
  scheduler.offer('shop/other', contender(scheduler, started, { name: 'b', left: 5 }))
  expect(started).toEqual(['a', 'b'])
})

test('one that left starts nothing, and one call may always run, whatever the capacity says', () => {
  const scheduler = new Scheduler({ capacity: () => 0 })
  const started: string[] = []
  const first = contender(scheduler, started, { name: 'a', left: 1 })
  const second = contender(scheduler, started, { name: 'b', left: 5 })
  first.offer()
  second.offer()
  scheduler.forget(FN, second)
  scheduler.finished(FN)
  expect([started, scheduler.inFlight(FN)]).toEqual([['a'], 0])
})
