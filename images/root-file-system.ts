/**
 * The first layer of every image: Node, the shared libraries it needs, certificates, three files about users. No shell, no package manager,
 * nothing that writes. Made from the machine it is built on, which is Debian: the Dockerfile's build stage, or that of whoever runs main.ts.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { USER_ID } from './images.ts'
import type { Component } from './sbom.ts'
import { Tree } from './tree.ts'

/** Fills `root`; resolves to what was put into it. */
export function makeRootFileSystem(root: string): Component[] {
  const tree = new Tree(root)
  for (const directory of ['app', 'proc', 'sys', 'dev', 'run']) tree.directory(directory)
  tree.directory('tmp', 0o1777)
  tree.copy(process.execPath, 'usr/bin/node', 0o755)
  strip(join(root, 'usr/bin/node'))
  const libraries = sharedLibraries(process.execPath)
  for (const library of libraries) tree.copy(realpathSync(library), library, 0o755)
  // Node's own: those of the machine may be its network's.
  tree.write('etc/ssl/certs/ca-certificates.crt', `${rootCertificates.join('\n')}\n`)
  tree.write('etc/passwd', `root:x:0:0::/:/none\ndormouse:x:${USER_ID}:${USER_ID}::/app:/none\n`)
  tree.write('etc/group', `root:x:0:\ndormouse:x:${USER_ID}:\n`)
  tree.write('etc/nsswitch.conf', 'hosts: files dns\n')
  const packages = debianPackages(libraries)
  for (const { name } of packages) {
    const copyright = `/usr/share/doc/${name}/copyright`
    if (existsSync(copyright)) tree.copy(realpathSync(copyright), copyright)
  }
  return [nodeComponent(), ...packages]
}

/** Symbols are a fifth of the file, and no tool that would read them is in the image. */
function strip(file: string): void {
  try {
    execFileSync('strip', ['--strip-all', file])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    process.stderr.write('images: no `strip` here (Debian: binutils), so the images are some 30 MB larger\n')
  }
}

/** `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)`, and the loader's own `/lib64/ld-linux-x86-64.so.2 (0x…)`. */
function sharedLibraries(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n')
  const paths = lines.flatMap((line) => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  return [...new Set(paths)].sort()
}

function nodeComponent(): Component {
  const version = process.versions.node
  return { name: 'node', version, license: 'MIT', purl: `pkg:generic/node@${version}` }
}

/** Empty where there is no dpkg: then the libraries are not Debian's. */
function debianPackages(libraries: readonly string[]): Component[] {
  if (!existsSync('/usr/bin/dpkg-query')) return []
  const names = new Set(libraries.map(packageOf).filter((name) => name !== undefined))
  return [...names].map((name) => {
    const version = execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' })
    return { name, version, purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}` }
  })
}

/** dpkg knows a library by the path it had before /lib and /usr/lib became one. */
function packageOf(library: string): string | undefined {
  const real = realpathSync(library)
  for (const path of [real, real.replace(/^\/usr/, ''), library]) {
    try {
      const owner = execFileSync('dpkg-query', ['-S', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      return owner.split(':')[0]
    } catch {
      // Not under this name.
    }
  }
  return undefined
}
