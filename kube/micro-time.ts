/** As a Lease has times: UTC, microseconds. The API server takes nothing shorter. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z')
}
