/** From a ConfigMap to the code in it. Pure. */
import { MAX_CODE_BYTES, MAX_FILES } from '../../api/function.ts'
import type { ConfigMap } from '../../kube/objects.ts'
import { codeFiles, type CodeFiles } from './packed-code.ts'

/** Throws CodeError. Keys have no folders in them: Kubernetes allows letters, digits, dashes, underscores and dots. */
export function configMapCode({ data = {}, binaryData = {} }: Pick<ConfigMap, 'data' | 'binaryData'>): CodeFiles {
  const texts = Object.entries(data).map(([path, text]) => [path, Buffer.from(text)] as const)
  const bytes = Object.entries(binaryData).map(([path, base64]) => [path, Buffer.from(base64, 'base64')] as const)
  return codeFiles([...texts, ...bytes])
}

/** Whether it could have been written into the Function: then its revision holds it, as that of `inline` does. */
export function fitsInline({ files, binary }: CodeFiles): boolean {
  if (Object.keys(binary).length > 0 || Object.keys(files).length > MAX_FILES) return false
  const sizes = Object.values(files).map((text) => Buffer.byteLength(text))
  return sizes.reduce((sum, size) => sum + size, 0) <= MAX_CODE_BYTES
}
