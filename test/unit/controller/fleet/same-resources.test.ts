import { expect, test } from '@jest/globals'
import { isSameResources } from '../../../../controller/fleet/own-pod-policy.ts'

const WANTED = { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '1', memory: '1024Mi' } }

test.each([
  ['the same text', WANTED, true],
  ['the same amounts as the API writes them', { ...WANTED, limits: { cpu: '1000m', memory: '1Gi' } }, true],
  ['another limit', { ...WANTED, limits: { cpu: '1', memory: '1Mi' } }, false],
  ['another request', { ...WANTED, requests: { cpu: '10m', memory: '512Mi' } }, false],
  ['a notation that Functions do not have', { ...WANTED, limits: { cpu: '1', memory: '1e9' } }, false],
  ['no requests', { limits: WANTED.limits }, false],
  ['nothing', undefined, false],
])('resources are the same by their amounts: %s', (_what, has, want) => {
  expect(isSameResources(has, WANTED)).toBe(want)
})
