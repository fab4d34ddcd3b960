/** First in, first out, with a cheap front. One item alone costs no list: most keys have no more. */
export class Queue<T extends object> {
  #first: T | undefined = undefined
  #rest: T[] | undefined = undefined
  #head = 0

  get size(): number {
    if (this.#first === undefined) return 0
    return this.#rest === undefined ? 1 : 1 + this.#rest.length - this.#head
  }

  push(item: T): void {
    if (this.#first === undefined) this.#first = item
    else (this.#rest ??= []).push(item)
  }

  unshift(item: T): void {
    const second = this.#first
    this.#first = item
    if (second === undefined) return
    const rest = (this.#rest ??= [])
    if (this.#head > 0) rest[--this.#head] = second
    else rest.unshift(second)
  }

  shift(): T | undefined {
    const item = this.#first
    this.#first = this.#takeSecond()
    return item
  }

  #takeSecond(): T | undefined {
    const rest = this.#rest
    if (rest === undefined || this.#head === rest.length) return undefined
    const second = rest[this.#head]
    // The place must not keep the record alive.
    rest[this.#head++] = undefined as unknown as T
    if (this.#head > 256 && this.#head * 2 > rest.length) {
      this.#rest = rest.slice(this.#head)
      this.#head = 0
    }
    return second
  }
}
