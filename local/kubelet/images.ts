/** Which command stands for which container image on this machine. */

/** Image → program and arguments. */
export type ImageTable = ReadonlyMap<string, readonly string[]>

/** Throws an Error with one sentence when the image has no local equivalent. */
export function imageCommand(images: ImageTable, image: string): readonly string[] {
  const command = images.get(image)
  if (command !== undefined) return command
  const known = [...images.keys()].join(', ')
  throw new Error(`image "${image}" cannot run in local mode: it has no local equivalent (known: ${known})`)
}
