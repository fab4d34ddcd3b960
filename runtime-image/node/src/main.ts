/**
 * The server inside function pods. Owns the two ports of docs/runtime-contract.md and the process around user code; imports
 * nothing of the rest of Dormouse and nothing from npm, as its start time is product. Leaves to its callers who is called when.
 */
import { takeEnvironment } from './environment.ts'
import { createFdWriter } from './fd-writer.ts'
import { Runtime } from './runtime.ts'

async function main(): Promise<void> {
  await new Runtime(takeEnvironment(process.env), process).start()
}

main().catch((error: unknown) => {
  createFdWriter(2)(`dormouse-runtime-node: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
