/** Runs `last` when all listeners of `exit` have: they are user code, too, and may still read their files or wait for threads that do. */
export function afterExit(process: NodeJS.Process, last: () => void): void {
  const emit = process.emit.bind(process) as (event: string | symbol, ...args: unknown[]) => boolean
  const observed: typeof emit = (event, ...args) => {
    try {
      return emit(event, ...args)
    } finally {
      if (event === 'exit') last()
    }
  }
  process.emit = observed as typeof process.emit
}
