import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of this source; in an image, which has one file for all of them, of that (images/bundle.ts). */
export const BESIDE = dirname(fileURLToPath(import.meta.url))
