/** Where a pod's process listens, and the line in which it says so. */
export interface PodPorts {
  control: number
  data: number
}

/** Undefined for what no runtime says. */
export function parsePorts(line: string): PodPorts | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || !('control' in value) || !('data' in value)) return undefined
    const { control, data } = value
    return typeof control === 'number' && typeof data === 'number' ? { control, data } : undefined
  } catch {
    return undefined
  }
}
