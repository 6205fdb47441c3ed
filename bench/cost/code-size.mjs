/**
 * Bytes of code in flash by kernel set, measured once a core and kept as packages/core/src/cost/code-sizes.json.
 *
 * For each core: the firmware is linked around an empty network, then again with one kernel kept (-u), and the linker's map
 * says which input sections each link holds. What a set of kernels takes is the union of theirs, so sections are grouped by
 * the kernels that need them. Then a run function of 40 calls says what one call takes.
 *
 * Usage: node bench/cost/code-size.mjs [--check]; with --check the file is compared, not written. Needs `npm run build`
 * and arm-none-eabi-gcc. Run it whenever firmware/ or the compiler changes.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { arm, firmwareSources, machineOf, sharedFolders } from "../../packages/cli/dist/emulator/build.js";
import { loadBoard } from "../../packages/core/dist/cost/index.js";
import { linkerScript } from "../../packages/core/dist/export/index.js";

const target = fileURLToPath(new URL("../../packages/core/src/cost/code-sizes.json", import.meta.url));
const cc = "arm-none-eabi-gcc";
if (spawnSync(cc, ["--version"]).error) {
  console.error(`left out: ${cc} is not installed`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), "phinets-code-size-"));
const header = readFileSync(join(firmwareSources, "kernels/phinets_kernels.h"), "utf8");
const kernels = [...header.matchAll(/^void phinets_(\w+)\(/gm)].map(([, name]) => name);
const cores = [
  ["cortex-m0plus", "none"],
  ["cortex-m3", "none"],
  ["cortex-m4", "fpv4-sp-d16"],
  ["cortex-m33", "fpv5-sp-d16"],
  ["cortex-m7", "fpv5-sp-d16"],
  ["cortex-m7", "fpv5-d16"],
];
const programs = Object.fromEntries(cores.map(([core, fpu]) => [`${core}+${fpu}`, { core, fpu }]));

const stub = (detector) => ({
  h: `#include <stdint.h>
${detector ? '#include "phinets_detect.h"\n#define PHINETS_DETECTOR 1\n#define PHINETS_SCORE_THRESHOLD 0.25f\n#define PHINETS_NMS_IOU 0.45f\nextern const phinets_detector phinets_head;' : ""}
#define PHINETS_INPUT_BYTES 3072
#define PHINETS_OUTPUT_BYTES 1000
int8_t *phinets_input(void);
int phinets_run(const int8_t *input, int8_t *output);`,
  c: `#include "phinets_model.h"
#include <string.h>
int8_t phinets_arena[65536] __attribute__((aligned(16)));
${detector ? "const phinets_detector phinets_head = {.height = 1};" : ""}
int8_t *phinets_input(void) { return phinets_arena + 0; }
int phinets_run(const int8_t *input, int8_t *output) {
  if (input != phinets_arena + 0) memcpy(phinets_arena + 0, input, PHINETS_INPUT_BYTES);
  memcpy(output, phinets_arena + 4096, PHINETS_OUTPUT_BYTES);
  return 0;
}`,
});

/** One call of each kernel as the generator writes it; offsets jump as in a planned arena. */
const offsets = [0, 36864, 110592, 9216, 147456, 4608, 55296, 27648];
const at = (i) => `phinets_arena + ${offsets[i % offsets.length]}`;
const calls = {
  linear: (i) => `phinets_pointwise(&layer${i}, ${at(i)}, ${at(i + 1)});`,
  mean: (i) => `phinets_mean(&average${i}, ${at(i)}, ${at(i + 1)});`,
  add: (i) => `phinets_add(&addition${i}, ${1000 + 64 * i}, ${at(i)}, ${at(i + 3)}, ${at(i)});`,
  multiply: (i) => `phinets_multiply(&product${i}, ${100 + i}, ${8 + i}, ${at(i)}, ${at(i + 3)}, ${at(i)});`,
  lookup: (i) => `phinets_lookup(table${i}, ${1000 + 64 * i}, ${at(i)}, ${at(i)});`,
  max_pool: (i) =>
    `phinets_max_pool((phinets_map){${80 - i}, ${80 - i}, 24}, (phinets_map){${40 - (i >> 1)}, ${40 - (i >> 1)}, 24}, 2, 2, ${at(i)}, ${at(i + 1)});`,
  pad: (i) =>
    `phinets_pad((phinets_map){${80 - i}, ${80 - i}, 24}, (phinets_map){${82 - i}, ${82 - i}, 24}, 1, 1, -3, ${at(i)}, ${at(i + 1)});`,
};
const runOf = (call, count) => `#include "phinets_kernels.h"
#include <string.h>
extern int8_t phinets_arena[];
${Array.from({ length: count }, (_, i) => `extern const phinets_convolution layer${i}; extern const phinets_average average${i}; extern const phinets_addition addition${i}; extern const phinets_product product${i}; extern const int8_t table${i}[256];`).join("\n")}
int phinets_run(const int8_t *input, int8_t *output) {
  if (input != phinets_arena) memcpy(phinets_arena, input, 3072);
${Array.from({ length: count }, (_, i) => `  ${call(i)}`).join("\n")}
  memcpy(output, phinets_arena + 4096, 1000);
  return 0;
}`;

/** Input section (with its archive member) to bytes, of what the linker puts into flash. */
function flashSections(map) {
  const text = map.slice(map.indexOf("Linker script and memory map"));
  const sections = new Map();
  for (const [, name, bytes, file] of text.matchAll(/^ ([.\w]\S*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$/gm)) {
    if (!/^\.(text|rodata|data|vectors|ARM\.exidx|ARM\.extab|init|fini)/.test(name)) continue;
    const size = Number.parseInt(bytes, 16);
    const member = /\((.*)\)$/.exec(file)?.[1] ?? "";
    if (size > 0) sections.set(`${name} ${member}`, (sections.get(`${name} ${member}`) ?? 0) + size);
  }
  return sections;
}

function measure(program) {
  const machine = machineOf({ name: program.core, ...program });
  const parts = [...sharedFolders, "boards/start", "boards/cortex-m"];
  const include = parts.map((part) => `-I${join(firmwareSources, part)}`);
  const compile = (source, to, extra = []) => {
    execFileSync(cc, [
      "-std=gnu99",
      "-O2",
      ...machine,
      ...arm.filter((flag) => flag.startsWith("-f")),
      ...include,
      ...extra,
      "-c",
      source,
      "-o",
      to,
    ]);
    return to;
  };
  const script = join(folder, "board.ld");
  writeFileSync(script, linkerScript({ ...loadBoard("mps2-an500"), name: "size" }));
  const link = (objects, extra) => {
    const map = join(folder, "map");
    execFileSync(cc, [
      ...machine,
      ...arm,
      "-T",
      script,
      ...objects,
      ...extra,
      `-Wl,-Map,${map}`,
      "-o",
      join(folder, "a.elf"),
    ]);
    return flashSections(readFileSync(map, "utf8"));
  };
  const bases = {};
  let objects;
  for (const part of ["plain", "detector"]) {
    const place = join(folder, part);
    mkdirSync(place, { recursive: true });
    const model = stub(part === "detector");
    writeFileSync(join(place, "phinets_model.h"), model.h);
    writeFileSync(join(place, "model.c"), model.c);
    objects = [compile(join(place, "model.c"), join(place, "model.o"), [`-I${place}`])];
    for (const shared of parts)
      for (const file of readdirSync(join(firmwareSources, shared)).filter((name) => name.endsWith(".c")))
        objects.push(compile(join(firmwareSources, shared, file), join(place, `${file}.o`), [`-I${place}`]));
    bases[part] = objects;
  }
  const base = link(bases.plain, []);
  const total = (sections) => [...sections.values()].reduce((sum, bytes) => sum + bytes, 0);
  const needs = new Map();
  const note = (feature, sections) => {
    for (const [name, bytes] of sections) {
      const extra = bytes - (base.get(name) ?? 0);
      if (extra <= 0) continue;
      const entry = needs.get(name) ?? { bytes: extra, features: [] };
      entry.features.push(feature);
      needs.set(name, entry);
    }
  };
  for (const kernel of kernels) note(kernel, link(bases.plain, [`-Wl,-u,phinets_${kernel}`]));
  note("detector", link(bases.detector, []));
  const follower = /^ \.bss\.follower\s+0x[0-9a-f]+\s+0x([0-9a-f]+)/m.exec(readFileSync(join(folder, "map"), "utf8"));
  const groups = new Map();
  for (const { bytes, features } of needs.values()) {
    const key = features.join(" ");
    groups.set(key, (groups.get(key) ?? 0) + bytes);
  }
  const sizeOfRun = (call, count) => {
    writeFileSync(join(folder, "run.c"), runOf(call, count));
    compile(join(folder, "run.c"), join(folder, "run.o"));
    const [, line] = execFileSync("arm-none-eabi-size", [join(folder, "run.o")], { encoding: "utf8" }).split("\n");
    return Number(line.trim().split(/\s+/)[0]);
  };
  return {
    base: total(base),
    followerRam: Number.parseInt(follower[1], 16),
    groups: [...groups].map(([key, bytes]) => ({ neededBy: key.split(" "), bytes })),
    call: Object.fromEntries(
      Object.entries(calls).map(([kind, call]) => [
        kind,
        Number(((sizeOfRun(call, 40) - sizeOfRun(call, 8)) / 32).toFixed(1)),
      ]),
    ),
  };
}

try {
  const version = execFileSync(cc, ["-dumpfullversion"], { encoding: "utf8" }).trim();
  const sizes = {
    command: "node bench/cost/code-size.mjs",
    compiler: `${cc} ${version} -O2`,
    programs: Object.fromEntries(Object.entries(programs).map(([name, program]) => [name, measure(program)])),
  };
  if (process.argv.includes("--check")) {
    const same = JSON.stringify(JSON.parse(readFileSync(target, "utf8"))) === JSON.stringify(sizes);
    console.log(JSON.stringify({ bench: "code-size", same }));
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(target, `${JSON.stringify(sizes, null, 2)}\n`);
    for (const [program, { base, groups, call }] of Object.entries(sizes.programs))
      console.log(
        JSON.stringify({
          bench: "code-size",
          program,
          base,
          all: groups.reduce((sum, { bytes }) => sum + bytes, base),
          call,
        }),
      );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
