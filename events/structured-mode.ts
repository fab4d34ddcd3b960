/** CloudEvents in structured mode: the whole event is JSON, and its content type says so. Pure. */

export const STRUCTURED_TYPE = 'application/cloudevents+json'

export function isStructured(contentType: string): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === STRUCTURED_TYPE
}
