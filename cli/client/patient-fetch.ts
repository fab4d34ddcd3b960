import type { Agent } from 'undici'

/**
 * fetch without time limits of its own: a function may think for 15 minutes and a log may be silent for hours. Node's fetch gives up
 * after 300 s without a byte. undici is loaded only where this matters: `dormouse get` must not pay for it.
 */
export async function patientFetch(url: string, init: RequestInit): Promise<Response> {
  const undici = await import('undici')
  dispatcher ??= new undici.Agent({ headersTimeout: 0, bodyTimeout: 0 })
  // The same class by its interface; the type of a body differs between the two libraries' declarations.
  return await undici.fetch(url, { ...(init as object), dispatcher })
}

let dispatcher: Agent | undefined
