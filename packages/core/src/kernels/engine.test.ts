import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeModule } from "./code.js";
import { createEngine } from "./engine.js";

test("modules are read from their texts", () => {
  expect([...decodeModule("'~¡ł!&")]).toEqual([0, 87, 88, 249, 250, 255]);
  expect([...decodeModule("")]).toEqual([]);
});

test("allocations are zeroed, aligned and apart, and are given back", async () => {
  const engine = await createEngine();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 12 }), (sizes) => {
      const blocks = sizes.map((size) => ({ size, address: engine.allocate(size * 4) }));
      for (const { address, size } of blocks) {
        expect(address % 64).toBe(0);
        expect(engine.floats(address, size).every((value) => value === 0)).toBe(true);
      }
      for (const [i, { address, size }] of blocks.entries()) engine.floats(address, size).fill(i + 1);
      for (const [i, { address, size }] of blocks.entries())
        expect(engine.floats(address, size).every((value) => value === i + 1)).toBe(true);
      for (const { address } of blocks) engine.free(address);
    }),
    { numRuns: 15 },
  );
  const { bytes } = engine;
  engine.free(engine.allocate(bytes - 65536));
  expect(engine.bytes).toBe(bytes);
  expect(() => engine.allocate(2 ** 33)).toThrow(/MiB of memory/);
  await engine.dispose();
  expect(() => engine.run(1024)).toThrow(/disposed/);
});
