import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BankBox, type BankOptions, type BankPlacement, mostAlive, placeInBanks } from "./index.js";

const boxesOf = (most: number): fc.Arbitrary<BankBox[]> =>
  fc.array(
    fc
      .record({
        from: fc.nat(7),
        span: fc.nat(3),
        eighths: fc.integer({ min: 1, max: 12 }),
        traffic: fc.nat(1000),
        stays: fc.boolean(),
      })
      .map(({ from, span, eighths, ...rest }) => ({ first: from, last: from + span, bytes: 8 * eighths, ...rest })),
    { minLength: 1, maxLength: most },
  );

const together = (a: BankBox, b: BankBox): boolean => a.first <= b.last && b.first <= a.last;
const sum = (bytes: readonly number[]): number => bytes.reduce((total, one) => total + one, 0);
const sizes = (...bytes: number[]): BankOptions["banks"] => bytes.map((one, i) => ({ region: `BANK${i}`, bytes: one }));

/**
 * Checks that boxes alive at the same time share no byte, and that each bank ends after its last box plus the slack.
 */
function check(boxes: readonly BankBox[], options: BankOptions): BankPlacement {
  const placement = placeInBanks(boxes, options);
  const { spots, bytes } = placement;
  const ends = boxes.map((box, i) => spots[i].offset + box.bytes);
  boxes.forEach((a, i) => {
    expect(spots[i].offset % 8).toBe(0);
    for (let k = 0; k < i; k++)
      if (together(a, boxes[k]) && spots[i].bank === spots[k].bank)
        expect(ends[i] <= spots[k].offset || ends[k] <= spots[i].offset, `${i} and ${k}`).toBe(true);
  });
  bytes.forEach((count, bank) => {
    const inside = ends.filter((_, i) => spots[i].bank === bank);
    expect(count).toBe(inside.length === 0 ? 0 : Math.max(...inside) + options.slackBytes);
  });
  return placement;
}

const fits = ({ bytes }: BankPlacement, { banks }: BankOptions): boolean =>
  bytes.every((count, i) => count <= banks[i].bytes);

/** Whether some assignment of boxes to banks keeps the bytes alive at once within every bank; tries all assignments. */
function canFit(boxes: readonly BankBox[], { banks, slackBytes }: BankOptions): boolean {
  const members: BankBox[][] = banks.map(() => []);
  const put = (index: number): boolean => {
    if (index === boxes.length) return true;
    return members.some((bank, i) => {
      bank.push(boxes[index]);
      const found = mostAlive(bank) + slackBytes <= banks[i].bytes && put(index + 1);
      bank.pop();
      return found;
    });
  };
  return put(0);
}

/** Most traffic that boxes in a faster bank can have while both banks together take no more than one bank would. */
function bestTraffic(boxes: readonly BankBox[], room: number): number {
  let best = 0;
  for (let choice = 0; choice < 1 << boxes.length; choice++) {
    const [fast, slow] = [1, 0].map((bit) => boxes.filter((_, i) => ((choice >> i) & 1) === bit));
    if (fast.some(({ stays }) => stays) || mostAlive(fast) > room) continue;
    if (mostAlive(fast) + mostAlive(slow) <= mostAlive(boxes))
      best = Math.max(best, sum(fast.map((box) => box.traffic)));
  }
  return best;
}

describe("placeInBanks", () => {
  it("uses a faster bank where that costs nothing, and finds most of the traffic that could lie there", () => {
    let [found, possible] = [0, 0];
    fc.assert(
      fc.property(boxesOf(8), fc.integer({ min: 1, max: 30 }), (boxes, eighths) => {
        const options = { banks: sizes(8 * eighths, 10_000), home: 1, slackBytes: 0 };
        const placement = check(boxes, options);
        const block = placeInBanks(boxes, { ...options, banks: sizes(10_000), home: 0 });
        expect(fits(placement, options)).toBe(true);
        expect(sum(placement.bytes)).toBeLessThanOrEqual(sum(block.bytes));
        boxes.forEach(({ stays }, i) => {
          if (stays) expect(placement.spots[i].bank).toBe(1);
        });
        found += sum(boxes.map(({ traffic }, i) => (placement.spots[i].bank === 0 ? traffic : 0)));
        possible += bestTraffic(boxes, 8 * eighths);
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(found / possible).toBeGreaterThan(0.85);
  });
  it("spreads boxes that exceed the arena's bank over all banks, nearly always where an exhaustive search can", () => {
    let [possible, found] = [0, 0];
    const room = fc.integer({ min: 4, max: 24 });
    fc.assert(
      fc.property(boxesOf(7), fc.tuple(room, room, room), fc.nat(2), (boxes, eighths, home) => {
        const options = { banks: sizes(...eighths.map((count) => 8 * count)), home, slackBytes: 16 };
        fc.pre(mostAlive(boxes) + 16 > options.banks[home].bytes);
        const placement = check(boxes, options);
        const possibly = canFit(boxes, options);
        if (!possibly) expect(fits(placement, options)).toBe(false);
        else {
          possible++;
          if (fits(placement, options)) found++;
        }
        // Boxes that do not fit stay in the arena's bank, which is then too small.
        if (!fits(placement, options)) expect(placement.spots.every(({ bank }) => bank === home)).toBe(true);
      }),
      { numRuns: 400, seed: 2 },
    );
    expect(possible).toBeGreaterThan(80);
    expect(found / possible).toBeGreaterThan(0.97);
  });
  it("keeps many boxes apart, in every number of banks, and places the same boxes the same way", () => {
    const banks = fc.array(fc.integer({ min: 10, max: 100 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(boxesOf(40), banks, fc.nat(3), (boxes, eighths, at) => {
        const home = at % eighths.length;
        const options = { banks: sizes(...eighths.map((count) => 8 * count)), home, slackBytes: 32, growthBytes: 96 };
        expect(check(boxes, options)).toEqual(placeInBanks(boxes, options));
      }),
      { numRuns: 150, seed: 3 },
    );
  });
  it("keeps one block where more banks would exceed the allowed bytes", () => {
    const box = { first: 0, last: 0, bytes: 80, traffic: 1000, stays: false };
    const boxes = [box, { ...box, bytes: 160, traffic: 10 }];
    const options = { banks: sizes(80 + 32, 1000), home: 1, slackBytes: 32 };
    const bytesOf = (more: Partial<BankOptions>) => check(boxes, { ...options, ...more }).bytes;
    expect(bytesOf({ growthBytes: 32 })).toEqual([80 + 32, 160 + 32]);
    expect(bytesOf({})).toEqual([0, 240 + 32]);
    expect(bytesOf({ growthBytes: 32, mostBytes: 240 + 63 })).toEqual([0, 240 + 32]);
    expect(bytesOf({ growthBytes: 32, mostBytes: 240 + 64 })).toEqual([80 + 32, 160 + 32]);
    // Moving everything to the faster bank costs nothing.
    expect(bytesOf({ banks: sizes(240 + 32, 1000) })).toEqual([240 + 32, 0]);
  });
  it("accepts an empty list of boxes", () => {
    expect(placeInBanks([], { banks: sizes(8, 8), home: 0, slackBytes: 8 })).toEqual({ spots: [], bytes: [0, 0] });
  });
});
