import { describe, expect, test } from '@jest/globals'
import { packageFolders } from '../../../images/bundle.ts'
import { cycloneDx, npmComponent } from '../../../images/sbom.ts'

describe('bill of materials', () => {
  test.each([
    ['node_modules/undici/lib/core/errors.js', ['node_modules/undici']],
    ['node_modules/@kubernetes/client-node/dist/index.js', ['node_modules/@kubernetes/client-node']],
    ['node_modules/a/node_modules/@b/c/x.js', ['node_modules/a/node_modules/@b/c']],
    ['gateway/main.ts', []],
  ])('of %s in a bundle it names the package it was installed as, at its own depth', (path, want) => {
    expect(packageFolders([path])).toEqual(want)
  })

  test('names each package once, however many of its files are in', () => {
    expect(packageFolders(['node_modules/b/x.js', 'node_modules/a/x.js', 'node_modules/b/y.js'])).toEqual([
      'node_modules/a',
      'node_modules/b',
    ])
  })

  test('calls packages by their purl, whose scope is encoded', () => {
    expect(npmComponent({ name: '@a/b', version: '1.0.0', license: 'MIT' })).toEqual({
      name: '@a/b',
      version: '1.0.0',
      license: 'MIT',
      purl: 'pkg:npm/%40a/b@1.0.0',
    })
  })

  test('tells a licence from an expression of several, and does not invent one', () => {
    const components = ['MIT', '(MIT OR CC0-1.0)', undefined].map((license, index) =>
      npmComponent({ name: `p${index}`, version: '1.0.0', ...(license !== undefined && { license }) }),
    )
    expect(cycloneDx({ name: 'dormouse-gateway', version: '0.1.0' }, components)).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      components: [
        { name: 'p0', licenses: [{ license: { id: 'MIT' } }] },
        { name: 'p1', licenses: [{ expression: '(MIT OR CC0-1.0)' }] },
        expect.not.objectContaining({ licenses: expect.anything() }),
      ],
    })
  })

  test('is the same for the same content, in whatever order it was found', () => {
    const [a, b] = ['a', 'b'].map((name) => npmComponent({ name, version: '1.0.0' })) as [never, never]
    const image = { name: 'dormouse-cli', version: '0.1.0' }
    expect(JSON.stringify(cycloneDx(image, [b, a]))).toBe(JSON.stringify(cycloneDx(image, [a, b])))
  })
})
