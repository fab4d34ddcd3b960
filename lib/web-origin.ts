/** Host and port of an `Origin` header; undefined for `null` and what is no URL. */
export function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
