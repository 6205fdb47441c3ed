import { describe, expect, it } from "vitest";
import { inOrder } from "./in-order.js";

/** Yields 1, 2, ... up to `count`, and tells how many were read. */
function counting(count: number) {
  const source = {
    read: 0,
    closed: false,
    async *items() {
      try {
        while (source.read < count) yield ++source.read;
      } finally {
        source.closed = true;
      }
    },
  };
  return source;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("work in order", () => {
  it("gives results in the items' order, however they finish, and begins no more than it may", async () => {
    const finish = new Map<number, () => void>();
    let most = 0;
    const work = (item: number) =>
      new Promise<number>((resolve) => {
        finish.set(item, () => resolve(item * item));
        most = Math.max(most, finish.size);
        // The last one of the started items finishes first.
        if (finish.size === 3 || item === 10) for (const done of [...finish.values()].reverse()) done();
      });
    const results: number[] = [];
    for await (const result of inOrder(counting(10).items(), work, { most: 3 })) {
      finish.delete(Math.sqrt(result));
      results.push(result);
    }
    expect(results).toEqual([1, 4, 9, 16, 25, 36, 49, 64, 81, 100]);
    expect(most).toBe(3);
  });

  it("reads on while the reader is busy, as far as items and bytes allow", async () => {
    for (const [options, read] of [
      [{ most: 5 }, 5],
      [{ most: 5, bytesOf: () => 10, mostBytes: 30 }, 3],
      [{ most: 5, bytesOf: () => 100, mostBytes: 30 }, 1],
    ] as const) {
      const source = counting(20);
      const results = inOrder(source.items(), async (item) => item, options);
      expect((await results.next()).value).toBe(1);
      for (let n = 0; n < 20; n++) await turn();
      expect(source.read).toBe(read);
      expect((await results.next()).value).toBe(2);
      await results.return();
      expect(source.closed).toBe(true);
    }
  });

  it("throws an error when its turn comes", async () => {
    const read = async function* () {
      yield* [1, 2, 3];
      throw new Error("cut");
    };
    const seen: number[] = [];
    const reading = async () => {
      for await (const item of inOrder(read(), async (item) => item, { most: 9 })) seen.push(item);
    };
    await expect(reading()).rejects.toThrow("cut");
    expect(seen).toEqual([1, 2, 3]);
    const working = async () => {
      const work = async (item: number) => {
        if (item === 2) throw new Error("two");
        return item;
      };
      for await (const item of inOrder(counting(9).items(), work, { most: 4 })) seen.push(10 * item);
    };
    await expect(working()).rejects.toThrow("two");
    expect(seen).toEqual([1, 2, 3, 10]);
  });

  it("ends a source that waits for an item that never comes", async () => {
    let end = () => {};
    const source = async function* () {
      yield 1;
      await new Promise<void>((resolve) => {
        end = resolve;
      });
    };
    for await (const item of inOrder(source(), async (item) => item, { most: 2, stop: () => end() })) {
      expect(item).toBe(1);
      break;
    }
  });
});
