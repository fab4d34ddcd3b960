import { expect, test } from '@jest/globals'
import { describeWithHelm } from '../../builders/helm.ts'

describeWithHelm('Services of the chart', (helm) => {
  const policies = async (values = {}) =>
    Object.fromEntries(
      (await helm.render({ values }))
        .filter(({ kind }) => kind === 'Service')
        .map(({ metadata, spec }) => [metadata.name, (spec as { ipFamilyPolicy?: string }).ipFamilyPolicy]),
    )

  test('have both families where there are both, except where each address stands for a replica or a pod', async () => {
    expect(await policies()).toEqual({
      'dormouse-gateway': 'PreferDualStack',
      'dormouse-gateway-internal': 'PreferDualStack',
      'dormouse-controllers': 'SingleStack',
      'dormouse-controller-management': undefined,
      'dormouse-gateway-management': undefined,
    })
  })

  test('have one where a load balancer takes one only', async () => {
    const values = { gateway: { service: { ipFamilyPolicy: 'SingleStack' } } }
    expect(await policies(values)).toMatchObject({ 'dormouse-gateway': 'SingleStack' })
    const wrong = { gateway: { service: { ipFamilyPolicy: 'Both' } } }
    expect(await helm.refusal({ values: wrong })).toContain('ipFamilyPolicy')
  })
})
