import { expect, test } from '@jest/globals'
import { isManifestText } from '../../../../cli/manifests/manifest-text.ts'

test.each([
  ['a manifest', 'apiVersion: dormouse.dev/v1alpha1\nkind: Function\n'],
  ['one that does not begin with it', 'kind: Function\napiVersion: "dormouse.dev/v1alpha1"\n'],
  ['a List as kubectl prints it', 'apiVersion: v1\nitems:\n- apiVersion: dormouse.dev/v1alpha1\n  kind: Function\n'],
  ['a List as dormouse prints it', 'apiVersion: v1\nkind: List\nitems:\n  - apiVersion: dormouse.dev/v1alpha1\n'],
  ['JSON on one line', '{"kind":"Function","apiVersion":"dormouse.dev/v1alpha1"}'],
  ['one without a version', 'apiVersion: dormouse.dev # soon\nkind: Function\n'],
  ['one in other letters', 'apiversion: dormouse.dev/v1alpha1\nkind: Function\n'],
])('%s is known by its text', (_, text) => expect(isManifestText(text)).toBe(true))

test.each([
  ["others' objects", 'apiVersion: apps/v1\nkind: Deployment\n'],
  ['objects of a name like ours', 'apiVersion: dormouse.devices.io/v1\nkind: Function\n'],
  ['what only speaks of us', '# apiVersion: dormouse.dev/v1alpha1\nsee: apiVersion dormouse.dev/v1alpha1\n'],
])('%s are not', (_, text) => expect(isManifestText(text)).toBe(false))
