/**
 * fetch without time limits of its own: a function may think for 15 minutes and a log may be silent for hours. Node's fetch gives up
 * after 300 s without a byte. undici is loaded only where this matters: `dormouse get` must not pay for it.
 */
export async function patientFetch(url: string, init: RequestInit): Promise<Response> {
  const { Agent, fetch } = await import('undici')
  dispatcher ??= new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  // The same class by its interface; the type of a body differs between the two libraries' declarations.
  return (await fetch(url, { ...(init as object), dispatcher })) as unknown as Response
}

let dispatcher: InstanceType<(typeof import('undici'))['Agent']> | undefined
