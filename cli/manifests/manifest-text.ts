/** Which files of a folder are manifests of ours: folders also hold package.json, compose files, other people's YAML. */
import { GROUP } from '../../api/names.ts'

export const MANIFEST_FILE = /\.(ya?ml|json)$/i

/** Also where an item of a List begins with it. */
const OUR_API = new RegExp(`^\\s*(?:- +)*["']?apiVersion["']?\\s*:\\s*["']?${GROUP.replaceAll('.', '\\.')}/`, 'm')
/** JSON on few lines. */
const OUR_API_INLINE = new RegExp(`[{,]\\s*["']?apiVersion["']?\\s*:\\s*["']?${GROUP.replaceAll('.', '\\.')}/`)

/** Looks at the text only, so that a manifest with a syntax error is still known to be one. */
export function isManifestText(text: string): boolean {
  return OUR_API.test(text) || OUR_API_INLINE.test(text)
}
