import { expect, test } from '@jest/globals'
import { installCommands, shellLine, type InstallChoices } from '../../../../cli/install/helm-plan.ts'

const choices: InstallChoices = {
  ...{ chart: '/opt/charts/dormouse', release: 'dormouse', namespace: 'dormouse-system', timeoutSeconds: 300 },
  ...{ values: [], set: [], kafka: [] },
}
const lines = (more: Partial<InstallChoices> = {}) => {
  const { crds, release } = installCommands({ ...choices, ...more })
  return [shellLine(crds), shellLine(release)]
}

test('CRDs are brought up to date first: helm would leave those there are', () => {
  expect(lines()).toEqual([
    'kubectl apply --server-side --force-conflicts --field-manager dormouse-cli -f /opt/charts/dormouse/crds',
    'helm upgrade --install dormouse /opt/charts/dormouse --namespace dormouse-system --create-namespace --skip-crds --reset-then-reuse-values --wait --timeout 300s',
  ])
})

test('both speak to the cluster that is named', () => {
  const [crds, release] = lines({ context: 'prod', kubeconfig: 'a b' })
  expect(crds).toContain("--kubeconfig 'a b' --context prod")
  expect(release).toContain("--kubeconfig 'a b' --kube-context prod")
})

test('values come in the order in which helm lets the later win, quoted for a shell', () => {
  const [, release] = lines({ values: ['my.yaml'], kafka: ['a:1', 'b:2'], set: ["x=it's"] })
  expect(release).toMatch(/--values my\.yaml --set 'kafka\.brokers=\{a:1,b:2\}' --set 'x=it'\\''s'$/)
})
