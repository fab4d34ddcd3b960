/**
 * What has been started, ended in the order that loses nothing: no new deliveries, no new requests, then nobody who starts pods, then the
 * pods, then what watches over them, then the event log and the state.
 */
const ORDER = ['dispatcher', 'gateway', 'controller', 'kubelet', 'guardian', 'log', 'store'] as const
export type Part = (typeof ORDER)[number]
type Stop = (graceMs: number) => Promise<void> | void

export class StopList {
  readonly #stops: { part: Part; stop: Stop }[] = []
  #running: Promise<void> | undefined

  add(part: Part, stop: Stop): void {
    this.#stops.push({ part, stop })
  }

  /** All of it within about `graceMs`. Runs once; later calls wait for it. What fails does not keep the rest from ending; the first failure is thrown at the end. */
  run(graceMs: number): Promise<void> {
    this.#running ??= this.#runAll(graceMs)
    return this.#running
  }

  async #runAll(graceMs: number): Promise<void> {
    const failures: unknown[] = []
    const deadlineMs = performance.now() + graceMs
    for (const part of ORDER) {
      const stops = this.#stops.filter((entry) => entry.part === part)
      // Slow clients must not eat up the time in which pods may finish.
      const ends = await Promise.allSettled(
        stops.map(async ({ stop }) => stop(Math.max(deadlineMs - performance.now(), graceMs / 4))),
      )
      for (const end of ends) if (end.status === 'rejected') failures.push(end.reason)
    }
    if (failures.length > 0) throw failures[0]
  }
}
