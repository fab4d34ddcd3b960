/** The runtimes that ship with Dormouse, as commands of this machine. */
import { buildRuntime, RUNTIME_EXEC_ARGV } from '../runtime-image/node/build-runtime.ts'
import type { ImageTable } from './kubelet/images.ts'

/** Image of the Runtime that every instance has from the start. */
export const NODE_IMAGE = 'local/node'

/** Builds what is not built yet; later starts find it fresh. */
export async function localImages(): Promise<ImageTable> {
  const node = await buildRuntime()
  return new Map([[NODE_IMAGE, [process.execPath, ...RUNTIME_EXEC_ARGV, node]]])
}
