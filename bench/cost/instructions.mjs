/**
 * Instructions of the kernels' inner loops, counted once a core and kept as packages/core/src/cost/instructions.json.
 *
 * For each core: every layer shape below runs once on the emulated core (QEMU -icount shift=0, the system timer counts),
 * in a program that is compiled as firmware is. Straight lines through the counts (least squares of the relative error)
 * say what a multiply-accumulate takes by kind of layer, and what an output takes on top of it: the constants that latency
 * and energy of any board with such a core are estimated with.
 *
 * Usage: node bench/cost/instructions.mjs [--check]; with --check the file is compared, not written. Needs
 * `npm run build`, arm-none-eabi-gcc and qemu-system-arm. Run it whenever firmware/kernels or the compiler changes.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { arm, firmwareSources, machineOf } from "../../packages/cli/dist/emulator/build.js";
import { machineOfCore } from "../../packages/cli/dist/emulator/machines.js";
import { borderPixels } from "../../packages/core/dist/cost/latency.js";
import { linkerScript } from "../../packages/core/dist/export/index.js";
import { Random } from "../../packages/core/dist/tensor/index.js";

const target = fileURLToPath(new URL("../../packages/core/src/cost/instructions.json", import.meta.url));
const cc = "arm-none-eabi-gcc";
for (const tool of [cc, "qemu-system-arm"])
  if (spawnSync(tool, ["--version"]).error) {
    console.error(`left out: ${tool} is not installed`);
    process.exit(0);
  }
const cores = [
  ["cortex-m0plus", "none"],
  ["cortex-m3", "none"],
  ["cortex-m4", "fpv4-sp-d16"],
  ["cortex-m33", "fpv5-sp-d16"],
  ["cortex-m7", "fpv5-d16"],
];
const folder = mkdtempSync(join(tmpdir(), "phinets-instructions-"));

// Shapes of PhiNets for 48 to 160 pixels, early and late. [height = width, channels, filters]
const pointwise = [
  [40, 4, 24],
  [40, 12, 72],
  [32, 36, 12],
  [16, 8, 32],
  [16, 48, 16],
  [16, 15, 90],
  [12, 192, 32],
  [8, 28, 168],
  [8, 168, 28],
  [5, 57, 114],
  [5, 114, 40],
];
const dense = [
  [1, 168, 28],
  [1, 28, 168],
  [1, 63, 10],
  [1, 96, 24],
  [1, 24, 96],
];
/** [height = width, channels, stride] */
const depthwise = [
  [40, 12, 1],
  [64, 12, 1],
  [40, 36, 2],
  [20, 72, 1],
  [16, 90, 2],
  [10, 120, 1],
  [8, 168, 1],
  [5, 228, 1],
];
const depthwise5x5 = [
  [16, 84, 1],
  [16, 60, 2],
  [10, 120, 1],
  [8, 168, 1],
];
/** [height = width, channels, filters, stride] */
const convolution = [
  [48, 3, 16, 2],
  [32, 1, 16, 2],
  [24, 16, 16, 1],
  [12, 24, 32, 1],
  [16, 8, 12, 2],
];

/** Every layer: C of its call, and what it has of each unknown. */
function layers() {
  const all = [];
  const scaling = "{3, 1476395008, -6}";
  const linear = (kernel, kind, [side, channels, filters, size, stride], extra = {}) => {
    const pad = size >> 1;
    const out = Math.floor((side + 2 * pad - size) / stride) + 1;
    const outputs = out * out * filters;
    const taps = size * size * (kernel === "depthwise" ? 1 : channels);
    // Every second layer looks its results up, as networks do.
    const table = all.length % 2 ? "table" : "0";
    all.push({
      call: `{ static const phinets_convolution layer = {{${side}, ${side}, ${channels}}, {${out}, ${out}, ${filters}}, ${size}, ${size}, ${stride}, ${stride}, ${pad}, ${pad}, -3, weights, {bias, multiplier, shift, 5, ${table}}}; phinets_${kernel}(&layer, input, output); }`,
      kind,
      name: `${kind} ${side}x${side}x${channels} to ${filters}${stride > 1 ? " strided" : ""}`,
      parts: { [kind]: outputs * taps, requantize: outputs, ...extra },
    });
  };
  for (const shape of pointwise) linear("pointwise", "pointwise", [...shape, 1, 1]);
  for (const shape of dense) linear("pointwise", "dense", [...shape, 1, 1]);
  for (const [kind, size, shapes] of [
    ["depthwise", 3, depthwise],
    ["depthwise5x5", 5, depthwise5x5],
  ])
    for (const [side, channels, stride] of shapes) {
      const out = Math.floor((side - 1) / stride) + 1;
      const pad = size >> 1;
      const depthwiseBorder = channels * borderPixels([side, side], [out, out], size, stride, [pad, pad]);
      linear("depthwise", kind, [side, channels, channels, size, stride], { depthwiseBorder });
    }
  for (const [side, channels, filters, stride] of convolution)
    linear("conv2d", "convolution", [side, channels, filters, 3, stride]);
  for (const [pixels, channels] of [
    [400, 15],
    [64, 84],
    [1600, 12],
  ]) {
    const size = pixels * channels;
    const one = (kind, call) =>
      all.push({ call, kind, name: `${kind} ${pixels}x${channels}`, parts: { [kind]: size } });
    one("table", `phinets_lookup(table, ${size}, input, output);`);
    one(
      "add",
      `{ static const phinets_addition layer = {{-3, 1073741824, -1}, {4, 1288490188, 0}, 20, {2, 1181116006, -19}}; phinets_add(&layer, ${size}, input, input + 7, output); }`,
    );
    one(
      "multiply",
      `{ static const phinets_product layer = {3, -4, ${scaling}}; phinets_multiply(&layer, ${pixels}, ${channels}, input, input + 7, output); }`,
    );
    one(
      "average",
      `{ static const phinets_average layer = {{${pixels}, 1, ${channels}}, 4, ${scaling}}; phinets_mean(&layer, input, output); }`,
    );
  }
  for (const [side, channels] of [
    [32, 32],
    [20, 24],
  ])
    all.push({
      call: `phinets_max_pool((phinets_map){${side}, ${side}, ${channels}}, (phinets_map){${side / 2}, ${side / 2}, ${channels}}, 2, 2, input, output);`,
      kind: "maximum",
      name: `maximum ${side}x${side}x${channels}`,
      parts: { maximum: (side / 2) ** 2 * channels },
    });
  return all;
}

function source(all) {
  const random = new Random(7, 3);
  const bytes = (count) => Array.from({ length: count }, () => random.integer(255) - 127).join(",");
  const functions = all.map(({ call }, i) => `static void run${i}(void) { ${call} }`);
  return `#include "phinets_kernels.h"
#include "semihosting.h"
#include "startup.h"
#define CSR (*(volatile uint32_t *)0xE000E010)
#define RVR (*(volatile uint32_t *)0xE000E014)
#define CVR (*(volatile uint32_t *)0xE000E018)
static const int8_t random_bytes[8192] = {${bytes(8192)}};
static const int8_t table[256] = {${bytes(256)}};
static int8_t weights[32768], input[160000], output[160000];
static int32_t bias[256], multiplier[256];
static int8_t shift[256];
static void stop(void) { semihosting_print("fault\\n"); semihosting_exit(99); }
typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)stack_top, Reset_Handler, [2 ... 15] = stop};
${functions.join("\n")}
static const handler runs[] = {${all.map((_, i) => `run${i}`).join(", ")}};
static void write(const char *text, uint32_t number) {
  semihosting_print(text);
  semihosting_print_number(number);
}
int main(void) {
  for (uint32_t i = 0; i < sizeof weights; i++) weights[i] = random_bytes[i & 8191];
  for (uint32_t i = 0; i < sizeof input; i++) input[i] = random_bytes[(i * 7 + 11) & 8191];
  for (int i = 0; i < 256; i++)
    bias[i] = 37 * random_bytes[i], multiplier[i] = (1 << 30) + 4099 * (i * 97 & 8191), shift[i] = -9 - (i & 1);
  RVR = 0xFFFFFF;
  CVR = 0;
  CSR = 5;
  for (uint32_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
    const uint32_t start = CVR;
    runs[i]();
    const uint32_t ticks = (start - CVR) & 0xFFFFFF;
    write("layer ", i);
    write(" ticks ", ticks);
    semihosting_print("\\n");
  }
  semihosting_exit(0);
}
`;
}

/** Solves the normal equations of least squares; rows are [coefficients, 1 as the wanted value]. */
function leastSquares(rows, unknowns) {
  const a = unknowns.map((x) => [
    ...unknowns.map((y) => rows.reduce((sum, row) => sum + (row[x] ?? 0) * (row[y] ?? 0), 0)),
    rows.reduce((sum, row) => sum + (row[x] ?? 0), 0),
  ]);
  const n = unknowns.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(a[k][i]) > Math.abs(a[pivot][i])) pivot = k;
    [a[i], a[pivot]] = [a[pivot], a[i]];
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = a[k][i] / a[i][i];
      for (let j = i; j <= n; j++) a[k][j] -= factor * a[i][j];
    }
  }
  return Object.fromEntries(unknowns.map((name, i) => [name, a[i][n] / a[i][i]]));
}

function measure(core, fpu) {
  const machine = machineOfCore(core);
  const all = layers();
  writeFileSync(join(folder, "main.c"), source(all));
  const script = join(folder, "machine.ld");
  writeFileSync(
    script,
    linkerScript({ name: machine.name, regions: machine.regions, flashBytes: machine.regions[0].bytes }),
  );
  const parts = ["kernels", "boards/start", "boards/emulator"];
  const elf = join(folder, `${core}.elf`);
  execFileSync(cc, [
    ...["-std=gnu99", "-O2", ...machineOf({ name: core, core, fpu }), ...arm, "-T", script],
    ...parts.map((part) => `-I${join(firmwareSources, part)}`),
    ...parts.flatMap((part) =>
      readdirSync(join(firmwareSources, part))
        .filter((file) => file.endsWith(".c") && file !== "main.c")
        .map((file) => join(firmwareSources, part, file)),
    ),
    ...[join(folder, "main.c"), "-o", elf],
  ]);
  const run = spawnSync(
    "qemu-system-arm",
    [
      ...["-M", machine.name, ...(machine.options ?? []), "-nographic", "-monitor", "none", "-serial", "none"],
      ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0", "-kernel", elf],
    ],
    { encoding: "utf8", timeout: 60_000 },
  );
  const text = `${run.stdout}${run.stderr}`;
  const counts = [...text.matchAll(/^layer \d+ ticks (\d+)$/gm)].map(
    ([, ticks]) => Number(ticks) * machine.instructionsPerTick,
  );
  if (counts.length !== all.length) throw new Error(`${core}: ${counts.length} of ${all.length} layers ran: ${text}`);
  const rows = all.map(({ parts: amounts }, i) =>
    Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, amount / counts[i]])),
  );
  const perMac = ["pointwise", "depthwise", "depthwise5x5", "convolution", "dense"];
  const perOutput = ["requantize", "depthwiseBorder", "table", "add", "multiply", "average", "maximum"];
  const found = leastSquares(rows, [...perMac, ...perOutput]);
  const rounded = (names) => Object.fromEntries(names.map((name) => [name, Number(found[name].toPrecision(3))]));
  const off = rows.map((row) => Object.entries(row).reduce((sum, [name, share]) => sum + share * found[name], 0) - 1);
  for (const [name, value] of Object.entries(found)) if (!(value > 0)) throw new Error(`${core}: ${name} is ${value}`);
  if (process.argv.includes("--layers"))
    all.forEach(({ name }, i) => {
      console.log(JSON.stringify({ core, layer: name, counted: counts[i], off: Number(off[i].toFixed(3)) }));
    });
  return {
    machine: machine.name,
    layers: all.length,
    /** Of a layer's count, by the lines. */
    rootMeanSquareError: Number(Math.sqrt(off.reduce((sum, x) => sum + x * x, 0) / off.length).toFixed(3)),
    instructionsPerMac: rounded(perMac),
    instructionsPerOutput: rounded(perOutput),
  };
}

try {
  const compiler = execFileSync(cc, ["-dumpfullversion"], { encoding: "utf8" }).trim();
  const [, emulator] = /version (\d+\.\d+)/.exec(execFileSync("qemu-system-arm", ["--version"], { encoding: "utf8" }));
  const counted = {
    command: "node bench/cost/instructions.mjs",
    compiler: `${cc} ${compiler} -O2`,
    emulator: `QEMU ${emulator} -icount shift=0`,
    cores: Object.fromEntries(cores.map(([core, fpu]) => [core, measure(core, fpu)])),
  };
  if (process.argv.includes("--check")) {
    const same = JSON.stringify(JSON.parse(readFileSync(target, "utf8"))) === JSON.stringify(counted);
    console.log(JSON.stringify({ bench: "instructions", same }));
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(target, `${JSON.stringify(counted, null, 2)}\n`);
    for (const [core, figures] of Object.entries(counted.cores))
      console.log(JSON.stringify({ bench: "instructions", core, ...figures }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
