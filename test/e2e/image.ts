/** An image of somebody else's, on the node of this run's cluster. */
import { loadOwnImage } from '../builders/own-image.ts'
import { e2e } from './environment.ts'

export { SERVER } from '../builders/own-image.ts'

/** Resolves with what to write into `spec.image`. */
export const loadImage = (name: string, source: string): Promise<string> =>
  loadOwnImage({ name, source, tag: e2e().tag })
