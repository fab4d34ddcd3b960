import { expect, test } from '@jest/globals'
import type { LoadedManifest } from '../../../../cli/manifests/load-manifests.ts'
import { placeAll } from '../../../../cli/manifests/place.ts'

function loaded(kind: string, namespace?: string): LoadedManifest {
  const metadata = { name: 'a', ...(namespace !== undefined && { namespace }) }
  const manifest = { kind, metadata }
  return { file: 'a.yaml', manifest: manifest as never, written: manifest, locate: () => ({ line: 4, column: 3 }) }
}
const namespaces = (manifests: unknown[]) =>
  manifests.map((one) => (one as { metadata: { namespace?: string } }).metadata.namespace)

test('what names no namespace goes where the connection is', () => {
  expect(
    namespaces(placeAll([loaded('Function'), loaded('Trigger', 'b')], { given: undefined, otherwise: 'team' })),
  ).toEqual(['team', 'b'])
})

test('--namespace places what names none', () => {
  expect(namespaces(placeAll([loaded('Function')], { given: 'x', otherwise: 'team' }))).toEqual(['x'])
})

test('a Runtime has no namespace', () => {
  expect(namespaces(placeAll([loaded('Runtime')], { given: 'x', otherwise: 'team' }))).toEqual([undefined])
})

test('a manifest that names another namespace than --namespace is a mistake, with its place', () => {
  expect(() => placeAll([loaded('Function', 'b')], { given: 'x', otherwise: 'team' })).toThrow(
    'a.yaml:4:3: metadata.namespace: expected x, as --namespace says, got b',
  )
})
