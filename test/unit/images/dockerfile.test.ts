import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { imageConfig, IMAGES } from '../../../images/images.ts'

const dockerfile = readFileSync(new URL('../../../images/Dockerfile', import.meta.url), 'utf8')
const { version, devDependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

/** The instructions of one stage. */
function stage(name: string): string[] {
  const [, rest = ''] = dockerfile.split(new RegExp(`^FROM \\S+ AS ${name}$`, 'm'))
  return (rest.split(/^FROM /m)[0] ?? '').split('\n').filter((line) => line !== '')
}

describe('Dockerfile', () => {
  const settings = stage('settings')

  test.each(IMAGES.map((image) => [image.part, image] as const))(
    'makes %s of the files and the settings it has without Docker',
    (part, image) => {
      const config = imageConfig(image, version)
      expect(settings).toContain(`USER ${String(config.User)}`)
      expect(settings).toContain(`WORKDIR ${String(config.WorkingDir)}`)
      expect(settings).toContain(`ENV ${(config.Env as string[]).join(' ')}`)
      const entrypoint = `ENTRYPOINT [${(config.Entrypoint as string[]).map((word) => `"${word}"`).join(', ')}]`
      const labels = Object.entries(config.Labels as object).map(([name, value]) => `${name}="${value}"`)
      expect(stage(part)).toEqual([`COPY --from=build /out/${part}/ /`, `LABEL ${labels.join(' ')}`, entrypoint])
    },
  )

  test('builds with the Node that the repository pins', () => {
    expect(dockerfile).toContain(`FROM node:${devDependencies.node}-bookworm-slim AS build`)
  })
})
