import { expect, it } from "vitest";
import { pool } from "./pool.js";

const never = new AbortController().signal;

it("does all, no more at a time than there are slots, each in a slot of its own", async () => {
  const work = Array.from({ length: 50 }, (_, i) => i);
  const taken = new Set<number>();
  const done: number[] = [];
  let most = 0;
  await pool({
    ...{ slots: () => 3, signal: never, next: () => work.shift() },
    act: async (each, { slot }) => {
      expect(taken.has(slot)).toBe(false);
      taken.add(slot);
      most = Math.max(most, taken.size);
      await new Promise((resolve) => setTimeout(resolve, each % 3));
      taken.delete(slot);
      done.push(each);
    },
  });
  expect(most).toBe(3);
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

it("asks again for work that another's end brings", async () => {
  const work = [1];
  const done: number[] = [];
  await pool({
    ...{ slots: () => 2, signal: never, next: () => work.pop() },
    act: (each) => {
      done.push(each);
      if (each < 4) work.push(each + 1);
      return Promise.resolve();
    },
  });
  expect(done).toEqual([1, 2, 3, 4]);
});

it("ends the others where one fails, and throws what failed once they have ended", async () => {
  let ended = 0;
  const work = [0, 1, 2, 3, 4];
  const all = pool({
    ...{ slots: () => 3, signal: never, next: () => work.shift() },
    act: async (each, { signal }) => {
      if (each === 1) throw new Error("one");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await new Promise((resolve) => setTimeout(resolve, 5));
      ended++;
      throw signal.reason;
    },
  });
  await expect(all).rejects.toThrow("one");
  expect(ended).toBe(2);
  expect(work).toEqual([3, 4]);
});

it("ends with the reason that it is told to stop for", async () => {
  const stop = new AbortController();
  const all = pool({
    ...{ slots: () => 2, signal: stop.signal, next: () => 1 },
    act: (_, { signal }) =>
      new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  stop.abort(new Error("enough"));
  await expect(all).rejects.toThrow("enough");
});
