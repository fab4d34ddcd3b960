/** Files with exact modes, whatever the umask: what lands in a layer must not depend on who makes it. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export class Tree {
  readonly root: string

  constructor(root: string) {
    this.root = root
    mkdirSync(root, { recursive: true })
    chmodSync(root, 0o755)
  }

  directory(path: string, mode = 0o755): void {
    const target = join(this.root, path)
    if (dirname(path) !== path && path !== '.') this.directory(dirname(path))
    mkdirSync(target, { recursive: true })
    if (mode !== 0o755 || path !== '.') chmodSync(target, mode)
  }

  write(path: string, contents: string | Buffer, mode = 0o644): void {
    this.directory(dirname(path))
    writeFileSync(join(this.root, path), contents)
    chmodSync(join(this.root, path), mode)
  }

  copy(from: string, path: string, mode = 0o644): void {
    this.directory(dirname(path))
    copyFileSync(from, join(this.root, path))
    chmodSync(join(this.root, path), mode)
  }
}
