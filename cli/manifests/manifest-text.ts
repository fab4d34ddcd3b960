/** Which files of a folder are manifests of ours: folders also hold package.json, compose files, other people's YAML. */
import { GROUP } from '../../api/names.ts'

export const MANIFEST_FILE = /\.(ya?ml|json)$/i

/** In other letters and without a version, too: whoever wrote that meant us, and wants to know what is wrong with it. */
const API_VERSION = `["']?apiVersion["']?\\s*:\\s*["']?${GROUP.replaceAll('.', '\\.')}(?:/|["']?\\s*(?:#|$|[,}]))`
/** Also where an item of a List begins with it. */
const OUR_API = new RegExp(`^\\s*(?:- +)*${API_VERSION}`, 'im')
/** JSON on few lines. */
const OUR_API_INLINE = new RegExp(`[{,]\\s*${API_VERSION}`, 'i')

/** Looks at the text only, so that a manifest with a syntax error is still known to be one. */
export function isManifestText(text: string): boolean {
  return OUR_API.test(text) || OUR_API_INLINE.test(text)
}
