/** What an invocation cost: the `dormouse-report` header and Lambda's REPORT line. */
export interface Report {
  durationMs: number
  memoryMb: number
  maxMemoryMb: number
  /** Only on the first invocation of a process. */
  initMs?: number
}

/** Never less than 1: an invocation is billed by started milliseconds. */
function billedMs(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs))
}

export function reportHeader(report: Report): string {
  const init = report.initMs === undefined ? '' : `,init=${report.initMs.toFixed(2)}`
  return (
    `duration=${report.durationMs.toFixed(2)},billed=${billedMs(report.durationMs)}` +
    `,memory=${report.memoryMb},max-memory=${report.maxMemoryMb}${init}`
  )
}

/** Fields are separated by tabs, as Lambda's are. */
export function reportLine(requestId: string, report: Report): string {
  const init = report.initMs === undefined ? '' : `Init Duration: ${report.initMs.toFixed(2)} ms\t`
  return (
    `REPORT RequestId: ${requestId}\tDuration: ${report.durationMs.toFixed(2)} ms\t` +
    `Billed Duration: ${billedMs(report.durationMs)} ms\tMemory Size: ${report.memoryMb} MB\t` +
    `Max Memory Used: ${report.maxMemoryMb} MB\t${init}\n`
  )
}
