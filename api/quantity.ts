/** Kubernetes quantities of memory and processor time: `128Mi`, `1.5Gi`, `500M`, or bytes. Decimals are bounded so that thousandths are exact. */
const UNIT_BYTES = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 } as const

export const QUANTITY_PATTERN = '^[0-9]{1,12}(\\.[0-9]{1,3})?(Ki|Mi|Gi|k|M|G)?$'

const PARTS = /^([0-9]{1,12})(?:\.([0-9]{1,3}))?(Ki|Mi|Gi|k|M|G)?$/

/** `1Ki` → 1024. Expects text that matches QUANTITY_PATTERN; throws RangeError otherwise. */
export function quantityBytes(text: string): number {
  const parts = PARTS.exec(text)
  if (!parts) throw new RangeError(`expected a quantity like 128Mi or 1Gi, got ${JSON.stringify(text)}`)
  const [, whole = '0', fraction = '', unit = ''] = parts
  const thousandths = Number(whole) * 1000 + Number(fraction.padEnd(3, '0'))
  return (thousandths * UNIT_BYTES[unit as keyof typeof UNIT_BYTES]) / 1000
}

/** What Lambda calls memory size: whole mebibytes, rounded down so that it never promises more than the limit. */
export function memoryMb(quantity: string): number {
  return Math.floor(quantityBytes(quantity) / UNIT_BYTES.Mi)
}

export const CPU_PATTERN = '^([0-9]{1,4}(\\.[0-9]{1,3})?|[0-9]{1,7}m)$'

/** `100m` → 100, `1.5` → 1500. Expects text that matches CPU_PATTERN; throws RangeError otherwise. */
export function cpuMillis(text: string): number {
  if (!new RegExp(CPU_PATTERN).test(text))
    throw new RangeError(`expected a quantity like 100m or 1.5, got ${JSON.stringify(text)}`)
  return text.endsWith('m') ? Number(text.slice(0, -1)) : Math.round(Number(text) * 1000)
}
