import { expect, test } from '@jest/globals'
import { resolveInternal } from '../../../../gateway/proxy/internal-target.ts'

const resolve = (host: string, target: string) =>
  resolveInternal({ host, target, method: 'GET', rawHeaders: [] }, (key) => key === 'shop/cart')

test.each([
  ['gateway', '/fn/shop/cart', 'shop/cart', '/'],
  ['gateway', '/fn/shop/cart/', 'shop/cart', '/'],
  ['gateway', '/fn/shop/cart/a/b?c=d', 'shop/cart', '/a/b?c=d'],
  ['gateway', '/fn/shop/cart?c=d', 'shop/cart', '/?c=d'],
  ['gateway', '/fn/any/thing', 'any/thing', '/'],
  ['cart.shop', '/a?b', 'shop/cart', '/a?b'],
  ['CART.Shop.svc.cluster.local:8081', '/fn/x/y', 'shop/cart', '/fn/x/y'],
] as const)('%s %s is %s %s', (...[host, target, key, path]) => {
  expect(resolve(host, target)).toEqual({ kind: 'target', key, path, extraHeaders: [] })
})

test.each([
  ['gateway', '/', 'unknown-route'],
  ['gateway', '/fn/shop', 'unknown-route'],
  ['other.shop', '/a', 'unknown-route'],
  ['127.0.0.1:8081', '/topics/x', 'unknown-route'],
  ['gateway', '/fn/shop/cart/../../x', 'bad-path'],
  ['gateway', '/fn/shop/cart/%2e%2e/x', 'bad-path'],
  ['gateway', '*', 'bad-path'],
] as const)('%s %s is %s', (...[host, target, code]) => {
  expect(resolve(host, target)).toMatchObject({ kind: 'problem', problem: { code } })
})
