/** The bill of materials of an image in CycloneDX's JSON: what is in it, not what lay beside it when it was made. */

export interface Component {
  name: string
  version: string
  /** An SPDX identifier or expression, as the package itself says it. */
  license?: string
  /** How the rest of the world calls it: https://github.com/package-url/purl-spec. */
  purl: string
}

/** As far as we read a package.json. */
export interface PackageJson {
  name: string
  version: string
  license?: string
}

export function npmComponent({ name, version, license }: PackageJson): Component {
  // The scope's @ is the one character that purl wants encoded.
  const purl = `pkg:npm/${name.replace(/^@/, '%40')}@${version}`
  return { name, version, purl, ...(license === undefined ? {} : { license }) }
}

/** No time and no random serial number: the same image has the same bill. */
export function cycloneDx(image: { name: string; version: string }, components: readonly Component[]): object {
  const sorted = [...components].sort((a, b) => (a.purl < b.purl ? -1 : 1))
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'container', 'bom-ref': image.name, name: image.name, version: image.version },
    },
    components: sorted.map(({ name, version, purl, license }) => ({
      type: 'library',
      'bom-ref': purl,
      name,
      version,
      purl,
      ...(license === undefined ? {} : { licenses: [licenseOf(license)] }),
    })),
  }
}

/** CycloneDX tells an identifier from an expression of several. */
function licenseOf(text: string): object {
  return /[\s()]/.test(text) ? { expression: text } : { license: { id: text } }
}
