/**
 * MLPerf Tiny's five int8 reference networks: imported, verified on the emulated core, and planned for boards with
 * published vendor figures. The tables go to stderr, one JSON line per network and board to stdout.
 *
 * Usage: npm run bench:mlperf-tiny -- [--data mlperf-tiny] [--boards stm32h7a3,...] [--networks vww,...] Without
 * --data, the files NAME.tflite with NAME.inputs.bin are expected under $PHINETS_SHARED/data. Needs `npm run build`,
 * arm-none-eabi-gcc and qemu-system-arm.
 *
 * Meaning of the figures: instructions are counted on an emulated core of the board's type (emulated); milliseconds
 * follow from them and the board's cycles per instruction, as a range (planned); published rows are X-CUBE-AI's in
 * MLPerf Tiny v1.1 to v1.3, measured on the named boards. RAM is the arena with all scratch and the input in a separate
 * buffer; X-CUBE-AI's is its activations; smallest: with --optimize least-ram, where rows are pushed or the whole input
 * is in memory. Flash is the linked image, both of the fastest program and of the one with the least flash, which takes
 * more instructions.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "../../packages/node/dist/text/table.js";
import { phinets } from "./benchmark.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string", default: join(process.env.PHINETS_SHARED ?? ".", "data", "mlperf-tiny") },
    networks: { type: "string", default: "kws,vww,resnet,ad,wakeword" },
    boards: { type: "string", default: "stm32h7a3,stm32l4r5,stm32u575,stm32u385" },
  },
});
if (!existsSync(join(options.data, "kws.tflite"))) {
  console.error(
    `${options.data}: has no kws.tflite; name the folder of the networks with --data, or set PHINETS_SHARED`,
  );
  process.exit(2);
}

/** X-CUBE-AI: milliseconds by board, bytes of activations and of flash. */
const published = {
  kws: { bytes: 22_272, flash: 67_798, ms: { stm32h7a3: 11.32, stm32l4r5: 43.42, stm32u575: 28.99, stm32u385: 48.3 } },
  vww: { bytes: 58_624, flash: 102_080, ms: { stm32h7a3: 23.8, stm32l4r5: 89.44, stm32u575: 59.27, stm32u385: 98.74 } },
  resnet: {
    bytes: 56_672,
    flash: 121_229,
    ms: { stm32h7a3: 40.84, stm32l4r5: 165.7, stm32u575: 109.5, stm32u385: 182.5 },
  },
  ad: { bytes: 2048, flash: 285_933, ms: { stm32h7a3: 1.23, stm32l4r5: 4.79, stm32u575: 3.21, stm32u385: 5.41 } },
  wakeword: { ms: {} },
};
const names = {
  kws: "keyword spotting",
  vww: "visual wake words",
  resnet: "ResNet8",
  ad: "machine sounds",
  wakeword: "wake word",
};

const folder = mkdtempSync(join(tmpdir(), "phinets-mlperf-tiny-"));
try {
  for (const board of options.boards.split(",")) {
    const rows = options.networks.split(",").map((name) => {
      const file = join(options.data, name);
      const { run, macs, folded } = phinets("import", `${file}.tflite`, "--project", folder);
      const proof = phinets("emulate", "--model", run, "--tensor", `${file}.inputs.bin`, "--target", board);
      const least = phinets(
        "emulate",
        "--model",
        run,
        "--tensor",
        `${file}.inputs.bin`,
        "--target",
        board,
        "--optimize",
        "flash",
      );
      const inLeastRam = ["--target", board, "--optimize", "least-ram"];
      const tensor = ["--tensor", `${file}.inputs.bin`];
      const smallest = phinets("emulate", "--model", run, ...tensor, ...inLeastRam, "--input", "rows");
      const smallestWhole = phinets("inspect", run, ...inLeastRam);
      const { instructions, latencyMs, arenaBytes, flashBytes, matchesInterpreter, core, ownCore } = proof;
      const measured = {
        network: name,
        board,
        core,
        ownCore,
        macs,
        folded,
        instructions,
        latencyMs,
        arenaBytes,
        flashBytes,
      };
      const { bytes, ms, flash } = published[name];
      const isEqual = matchesInterpreter && least.matchesInterpreter && smallest.matchesInterpreter;
      console.log(
        JSON.stringify({
          ...{ bench: "mlperf-tiny", ...measured, matchesInterpreter: isEqual },
          ...{ smallestPushedBytes: smallest.arenaBytes, smallestPushedInstructions: smallest.instructions },
          smallestWholeBytes: smallestWhole.target.ramBytes,
          ...{ leastFlashBytes: least.flashBytes, leastFlashInstructions: least.instructions },
          ...{ publishedMs: ms, publishedBytes: bytes, publishedFlashBytes: flash },
        }),
      );
      rmSync(run, { recursive: true });
      return [
        names[name],
        macs,
        instructions,
        (instructions / macs).toFixed(2),
        latencyMs ? latencyMs.map((each) => each.toFixed(1)).join(" to ") : "-",
        ms[board] ?? "-",
        arenaBytes,
        smallest.arenaBytes,
        smallest.instructions,
        smallestWhole.target.ramBytes,
        bytes ?? "-",
        flashBytes,
        least.flashBytes,
        least.instructions,
        flash ?? "-",
        isEqual ? "equal" : "DIFFER",
      ];
    });
    console.error(
      formatTable(
        [
          ...[
            board,
            "MACs",
            "instructions",
            "a MAC",
            "ms, planned",
            "ms, published",
            "RAM",
            "RAM, smallest, pushed",
            "instructions",
            "RAM, smallest, whole",
          ],
          ...["published", "flash", "flash, least", "instructions", "published", "bytes"],
        ],
        rows,
      ),
    );
    console.error("");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
