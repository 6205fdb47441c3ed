import fc from "fast-check";
import { expect, test } from "vitest";
import { planMemory } from "./memory.js";

const lifetimes = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(20), length: fc.nat(8) }),
  { minLength: 1, maxLength: 30 },
);

test("values alive together never overlap, and the peak is covered", () => {
  fc.assert(
    fc.property(lifetimes, (values) => {
      const lives = values.map(({ bytes, first, length }) => ({ bytes, first, last: first + length }));
      const { offsets, bytes } = planMemory(lives);
      for (const [i, a] of lives.entries()) {
        expect(offsets[i] % 64).toBe(0);
        expect(offsets[i] + a.bytes).toBeLessThanOrEqual(bytes);
        for (const [j, b] of lives.entries()) {
          if (i >= j || a.last < b.first || b.last < a.first) continue;
          expect(offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i]).toBe(true);
        }
      }
    }),
  );
});

test("memory is used again", () => {
  const lives = [0, 1, 2, 3].map((first) => ({ bytes: 640, first, last: first + 1 }));
  expect(planMemory(lives).bytes).toBe(1280);
});
