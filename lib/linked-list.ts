/**
 * A doubly linked list whose links live in its members: O(1) removal from the middle, no allocation.
 * A member is in at most one list at a time.
 */
export class ListNode {
  list: LinkedList<ListNode> | undefined = undefined
  previous: ListNode | undefined = undefined
  next: ListNode | undefined = undefined
}

export class LinkedList<T extends ListNode> {
  #first: T | undefined = undefined
  #last: T | undefined = undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#first
  }

  push(node: T): void {
    this.#claim(node)
    node.previous = this.#last
    if (this.#last === undefined) this.#first = node
    else this.#last.next = node
    this.#last = node
  }

  unshift(node: T): void {
    this.#claim(node)
    node.next = this.#first
    if (this.#first === undefined) this.#last = node
    else this.#first.previous = node
    this.#first = node
  }

  shift(): T | undefined {
    const node = this.#first
    if (node !== undefined) this.remove(node)
    return node
  }

  /** False when it is not a member. */
  remove(node: T): boolean {
    if (node.list !== (this as unknown)) return false
    const previous = node.previous as T | undefined
    const next = node.next as T | undefined
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    node.list = node.previous = node.next = undefined
    this.#size--
    return true
  }

  #claim(node: T): void {
    if (node.list !== undefined) throw new Error('a node can be in one list only')
    node.list = this
    this.#size++
  }
}
