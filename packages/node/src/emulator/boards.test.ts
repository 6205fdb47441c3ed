/** Images for boards that are described by a JSON file only. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arenasOf, emitC, firmwareProgram } from "@phinets/core/export";
import {
  arenaOf,
  boardNames,
  followerBytes,
  homeOf,
  keptBytes,
  loadBoard,
  parseBoard,
  variablesOf,
} from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomNetwork } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, writeFirmware } from "../firmware/build.js";
import { readElf, regionBytes, symbolBytes, symbolOf } from "../firmware/elf.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-boards-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!installed("arm-none-eabi-gcc"))("a board's description", () => {
  test.each(boardNames.filter((name) => name !== "esp32-s3"))("links for %s into its regions", async (name) => {
    const board = loadBoard(name);
    const q = randomNetwork(3);
    const program = firmwareProgram(q, board);
    writeFirmware(folder, emitC(q, { program }));
    const path = await buildFirmware(folder, board);
    const elf = readElf(readFileSync(path), path);
    const planned = new Map(program.banks.map(({ region = board.arenaRegion, bytes }) => [region, bytes]));
    expect([...planned.values()].reduce((sum, bytes) => sum + bytes)).toBe(program.arenaBytes);
    for (const { symbol, region = board.arenaRegion } of arenasOf("phinets", program)) {
      const { address, bytes } = symbolOf(elf, symbol, path);
      const { origin } = board.regions.find(({ name }) => name === region)!;
      expect([address, bytes]).toEqual([origin, planned.get(region)]);
    }
    for (const region of board.regions) {
      const used = regionBytes(elf, region);
      if (region.name === "BOOT2") expect(used).toBe(256);
      else if (region.use === "free") expect(used).toBe(planned.get(region.name) ?? 0);
      else expect(used).toBeGreaterThan(0);
    }
    // The memory that the plan keeps free of activations is enough for stack and variables.
    const home = homeOf(board);
    const others = regionBytes(elf, home) - (planned.get(home.name) ?? 0);
    expect(others).toBeLessThanOrEqual(keptBytes(variablesOf(program.lowering, "whole")) - followerBytes);
    expect(symbolBytes(elf, "vectors", path)).toBe(64);
  });
  test("without a data region, the stack follows the arena; what does not fit is named", async () => {
    const rp2040 = loadBoard("rp2040");
    const regions = (bytes: number) => [
      rp2040.regions[1],
      { name: "RAM", origin: 0x20000000, bytes, use: "arena" as const },
    ];
    const mine = (bytes: number) =>
      parseBoard({ ...rp2040, name: "mine", arenaRegion: "RAM", regions: regions(bytes) });
    const q = randomNetwork(3);
    const program = firmwareProgram(q, mine(65536));
    writeFirmware(folder, emitC(q, { program }));
    const path = await buildFirmware(folder, mine(65536));
    const elf = readElf(readFileSync(path), path);
    expect(regionBytes(elf, arenaOf(mine(65536)))).toBeGreaterThan(program.arenaBytes + 16384);
    await expect(buildFirmware(folder, mine(4096))).rejects.toThrow(/^mine: .* exceeds RAM by \d+ bytes/);
  });
  test("of a core that has no compiler here is refused by name", async () => {
    await expect(buildFirmware(folder, loadBoard("esp32-s3"))).rejects.toThrow(
      /^board esp32-s3: core xtensa-lx7 \(fpu single\) is not linked/,
    );
  });
});
