import { expect, test } from '@jest/globals'
import { NO_FD, viewBoard, WatchdogBoard } from '../../../runtime-image/node/src/watchdog-board.ts'

const idOf = (board: WatchdogBoard, slot: number) => {
  const { ids, idLengths } = viewBoard(board.memory)
  return Buffer.from(ids.slice(slot * 64, slot * 64 + (idLengths[slot] ?? 0))).toString()
}

test('an entry is seen by the other side until it is cleared, and its slot is used again', () => {
  const board = new WatchdogBoard(2)
  const { deadlines, fds } = viewBoard(board.memory)
  const first = board.post({ id: 'a', deadlineMs: 10, fd: 7 })!
  const second = board.post({ id: 'x'.repeat(100), deadlineMs: 20, fd: NO_FD })!
  expect([deadlines[first], fds[first], idOf(board, first)]).toEqual([10, 7, 'a'])
  expect(idOf(board, second)).toBe('x'.repeat(64))
  expect(board.post({ id: 'c', deadlineMs: 30, fd: 8 })).toBeUndefined()
  board.clear(first)
  expect([deadlines[first], fds[first]]).toEqual([0, NO_FD])
  expect(board.post({ id: 'c', deadlineMs: 30, fd: 8 })).toBe(first)
})

test("the platform's own entry takes no slot from invocations", () => {
  const board = new WatchdogBoard(1)
  board.postPlatform({ id: 'init', deadlineMs: 5, fd: 9 })
  expect(viewBoard(board.memory).deadlines[0]).toBe(5)
  expect(board.post({ id: 'a', deadlineMs: 10, fd: 7 })).toBe(1)
  board.clear(0)
  expect(viewBoard(board.memory).deadlines[0]).toBe(0)
})
