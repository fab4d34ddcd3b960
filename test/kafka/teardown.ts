/** What setup.ts has begun, to be ended after the last test. */
export const ends: (() => Promise<void>)[] = []

// eslint-disable-next-line import-x/no-default-export -- jest asks for it
export default async function teardown(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()))
}
