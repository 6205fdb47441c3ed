/**
 * Measures the bytes of code in flash per set of kernels, once for each core, and stores them in
 * packages/core/src/target/code-sizes.json.
 *
 * For each core, the firmware is linked around the smallest network without its kernels, and then again with one kernel
 * kept (-u); the linker's map lists the input sections in each link. A set of kernels takes the union of its kernels'
 * sections, so sections are grouped by the kernels that need them. `whole`, `rows` and the heads are treated as kernels
 * too: the code of a program with the picture in memory, of one that receives its rows, and of one that detects and
 * tracks. The network's own constants are left out: target/flash.ts counts them, and this script checks the sizes of
 * their structures.
 *
 * Usage: node bench/cost/code-size.mjs [--check] [--core=NAME]; --check compares with the file instead of writing it;
 * --core measures only that core and keeps the others. Needs `npm run build` and arm-none-eabi-gcc. Run it whenever
 * firmware/ or the compiler changes.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { emitC, linkerScript } from "../../packages/core/dist/export/index.js";
import { GraphBuilder } from "../../packages/core/dist/graph/index.js";
import { structBytes } from "../../packages/core/dist/target/flash.js";
import { kernels, loadBoard, makeProgram } from "../../packages/core/dist/target/index.js";
import { arm, firmwareSources, machineOf, sharedFolders } from "../../packages/node/dist/firmware/build.js";

const target = fileURLToPath(new URL("../../packages/core/src/target/code-sizes.json", import.meta.url));
const cc = "arm-none-eabi-gcc";
if (spawnSync(cc, ["--version"]).error) {
  console.error(`left out: ${cc} is not installed`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), "phinets-code-size-"));
const asked = process.argv.find((argument) => argument.startsWith("--core="))?.slice("--core=".length);
const cores = [
  { core: "cortex-m0plus", fpu: "none", dsp: false },
  { core: "cortex-m3", fpu: "none", dsp: false },
  { core: "cortex-m4", fpu: "fpv4-sp-d16", dsp: true },
  { core: "cortex-m33", fpu: "fpv5-sp-d16", dsp: true },
  { core: "cortex-m7", fpu: "fpv5-sp-d16", dsp: true },
  { core: "cortex-m7", fpu: "fpv5-d16", dsp: true },
  // Also stands for the Cortex-M85.
  { core: "cortex-m55", fpu: "fpv5-d16", dsp: true, helium: true },
].filter(({ core }) => asked === undefined || core === asked);

/** C structures by the kernels that receive them. */
const structs = {
  phinets_convolution: ["conv2d", "depthwise", "pointwise"],
  phinets_step_groups: ["grouped"],
  phinets_step_addition: ["add", "subtract", "helium_add"],
  phinets_step_values: ["maximum", "minimum"],
  phinets_step_repetition: ["repeat"],
  phinets_step_product: ["multiply", "helium_multiply"],
  phinets_step_table: ["lookup", "helium_lookup"],
  phinets_step_pool: ["max_pool"],
  phinets_step_padding: ["pad"],
  phinets_average: ["mean", "average_map", "helium_mean", "helium_average_map"],
  phinets_pooling: ["average_pool", "max_window"],
  phinets_step_exponentials: ["softmax"],
  phinets_step_parts: ["concat"],
  phinets_step_reshaping: ["reshape"],
  phinets_step_slicing: ["slice"],
  phinets_step_resizing: ["resize_nearest", "resize_bilinear"],
  phinets_dsp_row: ["dsp_quads_nhwc", "dsp_planes16", "dsp_planes8", "dsp_nhwc"],
  phinets_dsp_quads_of_rows: ["dsp_quads_rows"],
  phinets_dsp_product_of_rows: ["dsp_product_rows"],
  phinets_dsp_taps_of_rows: ["dsp_depthwise_nhwc"],
  phinets_dsp_windows_of_rows: ["dsp_nhwc_window"],
  phinets_dsp_window: ["dsp_quads_window"],
  phinets_dsp_convolution: ["dsp_conv2d"],
  phinets_dsp_scale: ["dsp_quads_scaled"],
  phinets_dsp_product: ["dsp_product_nhwc", "dsp_product_planes16", "dsp_dense"],
  phinets_dsp_uniform: ["dsp_dense_uniform"],
  phinets_dsp_product8: ["dsp_product_planes8"],
  phinets_dsp_product_blocks: ["dsp_product_blocks"],
  phinets_dsp_depthwise: Object.keys(kernels).filter((name) => /^dsp_depthwise\d_planes/.test(name)),
  phinets_dsp_depthwise_blocks: ["dsp_depthwise3_blocks"],
  phinets_dsp_average: ["dsp_mean"],
  phinets_dsp_sum: ["dsp_add"],
  phinets_helium_product: ["helium_product"],
  phinets_helium_convolution: ["helium_conv2d"],
  phinets_helium_depthwise: ["helium_depthwise3", "helium_depthwise5"],
};

/** Heads that find boxes in a map of six channels. */
const heads = [
  { kind: "yolov2", classes: ["one"], filters: 1, anchors: [[1, 1]], decoder: "yolov2" },
  { kind: "yolov5", classes: ["one"], anchors: [[[1, 1]]] },
  { kind: "yolov8", classes: ["one", "two"], bins: 1 },
];

/** The smallest network: an activation of one value, whose kernel the table does not name. */
function model(input, head) {
  const builder = new GraphBuilder("smallest");
  const graph = builder.build([builder.hardswish("y", builder.input("x", [1, 1, 1, 6]))]);
  const values = { x: { scale: 1, zeroPoint: 0 }, y: { scale: 1, zeroPoint: 0 } };
  const q = { graph, values, weightScales: {}, weights: {} };
  const program = makeProgram(graph, { dsp: false, input });
  const texts = emitC(q, { program, ...(head && { detector: { head } }) });
  texts["phinets_model.c"] = texts["phinets_model.c"].replaceAll("phinets_step_lookup,", "0,");
  return texts;
}

/** The network's constants, which are counted separately. */
const constants = /^\.rodata\.(layer\d+\w*|steps|schedule|program|phinets_(anchors|powers|levels)\d*)(\.\d+)?$/;

/** Maps each input section (with its archive member) that the linker puts into flash to its bytes. */
function flashSections(map) {
  const text = map.slice(map.indexOf("Linker script and memory map"));
  const sections = new Map();
  for (const [, name, bytes, file] of text.matchAll(/^ ([.\w]\S*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$/gm)) {
    if (!/^\.(text|rodata|data|vectors|ARM\.exidx|ARM\.extab|init|fini)/.test(name) || constants.test(name)) continue;
    const size = Number.parseInt(bytes, 16);
    const member = /\((.*)\)$/.exec(file)?.[1] ?? "";
    if (size > 0) sections.set(`${name} ${member}`, (sections.get(`${name} ${member}`) ?? 0) + size);
  }
  return sections;
}

async function compiler(args) {
  const child = spawn(cc, args, { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (data) => (text += data));
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(text.slice(0, 2000));
}

const total = (sections) => [...sections.values()].reduce((sum, bytes) => sum + bytes, 0);

async function measure({ core, fpu, dsp, helium = false }) {
  const place = join(folder, `${core}+${fpu}`);
  const machine = machineOf({ name: core, core, fpu });
  const parts = [...sharedFolders, "boards/start", "boards/cortex-m"];
  const include = parts.map((part) => `-I${join(firmwareSources, part)}`);
  const sections = arm.filter((flag) => flag.startsWith("-f"));
  const options = ["-std=gnu99", "-O2", ...machine, ...sections, ...include];
  const compile = async (sources, to, extra = []) => {
    mkdirSync(to, { recursive: true });
    for (const source of sources) {
      const object = join(to, `${source.split("/").at(-1)}.o`);
      await compiler([...options, ...extra, "-c", source, "-o", object]);
    }
    return readdirSync(to)
      .filter((file) => file.endsWith(".o"))
      .map((file) => join(to, file));
  };
  const sources = (part, unit) =>
    readdirSync(join(firmwareSources, part))
      .filter((file) => unit.test(file))
      .map((file) => join(firmwareSources, part, file));
  const shared = await compile(
    [...sharedFolders, "boards/start"].flatMap((part) => sources(part, /\.[cS]$/)),
    join(place, "shared"),
  );
  await checkStructs(options, place);
  const script = join(place, "board.ld");
  writeFileSync(script, linkerScript({ ...loadBoard("mps2-an500"), name: "size" }));
  const map = join(place, "map");
  const link = async (objects, extra = []) => {
    const linked = [...machine, ...arm, "-T", script, ...shared, ...objects, ...extra, `-Wl,-Map,${map}`];
    await compiler([...linked, "-o", join(place, "a.elf")]);
    return flashSections(readFileSync(map, "utf8"));
  };
  const program = async (name, input, head) => {
    const to = join(place, name);
    mkdirSync(to);
    for (const [file, text] of Object.entries(model(input, head))) writeFileSync(join(to, file), text);
    return compile([join(to, "phinets_model.c"), ...sources("boards/cortex-m", /\.c$/)], to, [`-I${to}`]);
  };
  const wholeObjects = await program("whole", "whole");
  const whole = await link(wholeObjects);
  const rows = await link(await program("rows", "rows"));
  // Sections in both links belong to every program.
  const base = new Map(
    [...whole].filter(([name]) => rows.has(name)).map(([name, n]) => [name, Math.min(n, rows.get(name))]),
  );
  const needs = new Map();
  const note = (feature, linked, without) => {
    for (const [name, bytes] of linked) {
      const extra = bytes - (without.get(name) ?? 0);
      if (extra <= 0) continue;
      const entry = needs.get(name) ?? { bytes: 0, features: [] };
      entry.bytes = Math.max(entry.bytes, extra);
      entry.features.push(feature);
      needs.set(name, entry);
    }
  };
  note("whole", whole, base);
  note("rows", rows, base);
  const own = Object.keys(kernels).filter(
    (kernel) => (dsp || !kernel.startsWith("dsp_")) && (helium || !kernel.startsWith("helium_")),
  );
  for (const kernel of own) note(kernel, await link(wholeObjects, [`-Wl,-u,phinets_step_${kernel}`]), whole);
  for (const head of heads) note(head.kind, await link(await program(head.kind, "whole", head)), whole);
  const follower = /^ \.bss\.follower\s+0x[0-9a-f]+\s+0x([0-9a-f]+)/m.exec(readFileSync(map, "utf8"));
  const groups = new Map();
  for (const { bytes, features } of needs.values()) {
    const key = features.join(" ");
    groups.set(key, (groups.get(key) ?? 0) + bytes);
  }
  return {
    base: total(base),
    followerRam: Number.parseInt(follower[1], 16),
    groups: [...groups].map(([key, bytes]) => ({ neededBy: key.split(" "), bytes })),
  };
}

/** Compiles only if the C structures have the sizes that the planner assumes. */
async function checkStructs(options, place) {
  const sizes = [
    ["phinets_step", structBytes.step],
    ["phinets_program", structBytes.program],
    ["phinets_state", structBytes.state],
    ...Object.entries(structs).flatMap(([name, users]) => users.map((kernel) => [name, kernels[kernel].structBytes])),
  ];
  const all = Object.values(structs).flat();
  for (const kernel of Object.keys(kernels)) if (!all.includes(kernel)) throw new Error(`${kernel}: has no structure`);
  const file = join(place, "sizes.c");
  const asserts = sizes.map(([name, bytes]) => `_Static_assert(sizeof(${name}) == ${bytes}, "${name}: not ${bytes}");`);
  writeFileSync(file, `#include "phinets_dsp_steps.h"\n#include "phinets_helium_steps.h"\n${asserts.join("\n")}\n`);
  await compiler([...options, "-std=gnu11", "-c", file, "-o", join(place, "sizes.o")]);
}

/** Runs two at a time. */
async function each(items, work) {
  const left = [...items.entries()];
  const results = [];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all([worker(), worker()]);
  return results;
}

try {
  const version = execFileSync(cc, ["-dumpfullversion"], { encoding: "utf8" }).trim();
  const measured = await each(cores, measure);
  const sizes = {
    command: "node bench/cost/code-size.mjs",
    compiler: `${cc} ${version} -O2`,
    programs: {
      ...(asked !== undefined && JSON.parse(readFileSync(target, "utf8")).programs),
      ...Object.fromEntries(cores.map(({ core, fpu }, i) => [`${core}+${fpu}`, measured[i]])),
    },
  };
  if (process.argv.includes("--check")) {
    const same = JSON.stringify(JSON.parse(readFileSync(target, "utf8"))) === JSON.stringify(sizes);
    console.log(JSON.stringify({ bench: "code-size", same }));
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(target, `${JSON.stringify(sizes, null, 2)}\n`);
    for (const [program, { base, groups }] of Object.entries(sizes.programs)) {
      const all = groups.reduce((sum, { bytes }) => sum + bytes, base);
      console.log(JSON.stringify({ bench: "code-size", program, base, all }));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
