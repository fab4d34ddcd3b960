/** How rows of the manifest tables are written. */

export type Json = Record<string, unknown>

export interface BadManifest {
  why: string
  manifest: Json
  /** `path: message`, one per problem. */
  problems: string[]
}

export interface GoodManifest {
  why: string
  manifest: Json
}

export const bad = (why: string, manifest: Json, ...problems: string[]): BadManifest => ({ why, manifest, problems })

/** A rule about a scalar is broken. */
export const invalid = (path: string, value: unknown, detail: string) =>
  `${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`

/** A rule about an object or a list is broken. */
export const invalidWhole = (path: string, detail: string) => `${path}: Invalid value: ${detail}`

export const type = (path: string, actual: string, expected: string) =>
  `${path}: Invalid value: "${actual}": ${path} in body must be of type ${expected}: "${actual}"`

export const NAME = "name must be 1 to 63 lower-case letters, digits or '-', and start and end with a letter or digit"
