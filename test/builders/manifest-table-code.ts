/** Rows about where a Function's code comes from; see manifest-table.ts. */
import { bad, invalid, invalidWhole, type BadManifest, type GoodManifest } from './manifest-rows.ts'
import { functionManifest } from './manifests.ts'

const ONE = 'exactly one of inline, configMap, archive must be set'
const NAME = "name must be lower-case letters, digits, '-' or '.', and start and end with a letter or digit"
const URL = 'url must begin with http:// or https:// and have no user, password or fragment'
const SHA256 = 'sha256 must be 64 lower-case hexadecimal digits'
const SUM = 'a1'.repeat(32)

const configMap = (name: string) => functionManifest({ code: { configMap: { name } } })
const archive = (more: object = {}) =>
  functionManifest({ code: { archive: { url: 'https://example.com/a.zip', sha256: SUM, ...more } } })

export const CODE_BREAKS: readonly BadManifest[] = [
  bad(
    'code in two places',
    functionManifest({ code: { inline: { 'a.js': 'x' }, configMap: { name: 'c' } } }),
    invalidWhole('spec.code', ONE),
  ),
  bad(
    'code in two places elsewhere',
    functionManifest({ code: { archive: { url: 'https://a', sha256: SUM }, configMap: { name: 'c' } } }),
    invalidWhole('spec.code', ONE),
  ),
  ...['', 'Code', 'a_b', '-a'].map((name) =>
    bad(`code in config map ${name}`, configMap(name), invalid('spec.code.configMap.name', name, NAME)),
  ),
  ...[
    ...['', 'example.com/a.zip', 'ftp://example.com/a', 'https://', 'https:///a', 'https://?a', 'https://a b/c'],
    ...['https://user@example.com/a', 'https://u:p@example.com', 'https://example.com/a#b', 'https://good\\@bad/a'],
  ].map((url) => bad(`archive at ${url}`, archive({ url }), invalid('spec.code.archive.url', url, URL))),
  ...['', 'a1', SUM.toUpperCase(), `${SUM.slice(2)}zz`].map((sha256) =>
    bad(`sha256 ${sha256}`, archive({ sha256 }), invalid('spec.code.archive.sha256', sha256, SHA256)),
  ),
]

export const CODE_GOOD: readonly GoodManifest[] = [
  { why: 'code in a config map', manifest: configMap('my.code-1') },
  { why: 'code in an archive', manifest: archive() },
  { why: 'an archive at a port', manifest: archive({ url: 'http://files.shop:8080/a.tar.gz?version=2&x=@' }) },
  { why: 'an archive at an address', manifest: archive({ url: 'http://[fd00::1]/a' }) },
]
