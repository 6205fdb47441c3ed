/**
 * A network's C as a folder that any project takes: model, kernels, detection, tracking; a host program in host/, and in a
 * folder of the board's name what makes an image of it. Build files make a library, which projects of several networks share.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { arenasOf, type COptions, emitC, firmwareProgram, linkerScript } from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { type Board, loadBoard, type Program, type ProgramRequest } from "@phinets/core/target";
import { PhinetsError, sizeOf } from "@phinets/core/tensor";
import { describeWriteError, writeFileAtomic } from "../host/atomic.js";
import { defaultTarget } from "../run/target.js";
import { arm, fileName, firmwareSources, isLinked, machineOf, sharedFolders } from "./build.js";

export interface BundleOptions extends Pick<COptions, "detector" | "classes">, ProgramRequest {
  /** The board of the image. Default: the STM32H743. */
  readonly target?: Board;
  /** Prefix of the model's files, symbols and macros, and of CMake's targets: a C identifier. Default "phinets". */
  readonly name?: string;
}

/** What the texts of the folder say. */
interface Bundle extends BundleOptions {
  readonly q: QuantizedNetwork;
  readonly target: Board;
  readonly name: string;
  readonly program: Program;
  /** Sources of the kernels, detection and tracking: the same in every folder. */
  readonly kernels: readonly string[];
  /** Of the kernels' text. */
  readonly version: string;
}

/**
 * Most stack of an inference and of detection with tracking, bytes: measured on emulated cores with GCC 12, for every kind
 * of layer. portability.test.ts holds it against the emulator.
 */
export const stackUse = { dsp: 1000, portable: 1600, armv6m: 6000, follow: 2300 } as const;

/**
 * Writes the folder and returns its files' paths. `cc *.c host/main.c` in it makes the host program; on a microcontroller
 * its .c and .S files are compiled with the user's own code, or with the board's folder, which a core that is no Cortex-M has
 * not. Throws PhinetsError where `emitC` does, for a name that is the kernels' own, and when a file cannot be written.
 */
export function writeBundle(folder: string, q: QuantizedNetwork, options: BundleOptions): string[] {
  const { target = loadBoard(defaultTarget), name = "phinets", detector, classes } = options;
  if (/^phinets_/i.test(name))
    throw new PhinetsError(
      "export.name",
      `name ${JSON.stringify(name)} begins as the kernels' own names do; use another than phinets_...`,
    );
  const program = firmwareProgram(q, target, options);
  const linked = isLinked(target);
  const board = fileName(target.name);
  const shared = sharedFolders.flatMap((part) => sourcesOf(part));
  const boards = [
    ...sourcesOf("boards/host", "host"),
    ...(linked ? ["boards/start", "boards/cortex-m"].flatMap((part) => sourcesOf(part, board)) : []),
    // Its hooks are those of a detector, its registers the chip's.
    ...(hasExample(target, options) ? sourcesOf(`boards/${target.name}`, board) : []),
  ];
  const bundle: Bundle = {
    ...{ ...options, q, target, name, program },
    kernels: shared.map(([file]) => file).filter((file) => /\.[cS]$/.test(file)),
    version: versionOf(shared),
  };
  const files = new Map<string, string>([
    ...Object.entries(emitC(q, { name, detector, classes, program })),
    ...shared,
    ...boards.map(([file, text]): [string, string] => [file, named(text, name, file.startsWith("host/"))]),
    ["Makefile", makefile(bundle)],
    ["CMakeLists.txt", cmake(bundle)],
    ["README.md", readme(bundle)],
  ]);
  if (linked) {
    files.set(`${board}/${board}.ld`, linkerScript(target));
    files.set("arm-none-eabi.cmake", toolchain(target));
  }
  try {
    for (const part of ["host", ...(linked ? [board] : [])]) mkdirSync(join(folder, part), { recursive: true });
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  for (const [file, text] of files) writeFileAtomic(join(folder, file), text);
  return [...files.keys()].map((file) => join(folder, file)).sort();
}

/** A folder's sources, as files of `to`. */
function sourcesOf(part: string, to = ""): [file: string, text: string][] {
  return readdirSync(join(firmwareSources, part))
    .filter((file) => /\.[chS]$/.test(file))
    .sort()
    .map((file) => [to === "" ? file : `${to}/${file}`, readFileSync(join(firmwareSources, part, file), "utf8")]);
}

function versionOf(sources: readonly (readonly [string, string])[]): string {
  const hash = createHash("sha256");
  for (const [file, text] of sources) hash.update(`${file}\n${text}`);
  return hash.digest("hex").slice(0, 16);
}

/** A program's text with the model's names as they are in this folder. */
function named(text: string, name: string, below: boolean): string {
  return text
    .replace(/"phinets_model\.h"/g, `"${below ? "../" : ""}${name}_model.h"`)
    .replace(/\bphinets_(?=(?:run|begin|push_rows|input|head|classes)\b)/g, `${name}_`)
    .replace(/\bPHINETS_(?=(?:INPUT|OUTPUT)_|(?:DETECTOR|SCORE_THRESHOLD|NMS_IOU)\b)/g, `${name.toUpperCase()}_`);
}

/** Whether an example application for this board is at hand. */
function hasExample(board: Board, { detector }: BundleOptions): boolean {
  return detector !== undefined && board.name === "stm32h743";
}

/** For files of other programs. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function toolchain(target: Board): string {
  const flags = [...machineOf(target), ...arm.filter((flag) => flag.startsWith("-f"))].join(" ");
  const linking = arm.filter((flag) => !flag.startsWith("-f")).join(" ");
  return `# GCC for ${ascii(target.title)}: cmake -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "${flags}")
set(CMAKE_CXX_FLAGS_INIT "${flags}")
set(CMAKE_ASM_FLAGS_INIT "${flags}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${linking}")
`;
}

function makefile({ name, kernels, target }: Bundle): string {
  const flags = isLinked(target) ? machineOf(target).join(" ") : "-mcpu=cortex-m7 -mthumb";
  const objects = [`${name}_model.c`, ...kernels].map((unit) => unit.replace(/\.[cS]$/, ".o"));
  return `CFLAGS ?= -O2 -Wall -Wextra
objects = ${objects.join(" ")}

${name}_host: host/main.o $(objects)
\t$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

# For a microcontroller: make lib${name}.a CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CFLAGS="-O2 ${flags}"
lib${name}.a: $(objects)
\t$(AR) rcs $@ $^

%.o: %.S
\t$(CC) $(CFLAGS) -c $< -o $@

clean:
\trm -f ${name}_host lib${name}.a *.o host/*.o

.PHONY: clean
`;
}

function cmake({ name, kernels, version, target }: Bundle): string {
  const board = fileName(target.name);
  const programs = isLinked(target)
    ? `if(CMAKE_CROSSCOMPILING)
  # Add your own files.
  file(GLOB application \${CMAKE_CURRENT_SOURCE_DIR}/${board}/*.c)
  set(script \${CMAKE_CURRENT_SOURCE_DIR}/${board}/${board}.ld)
  add_executable(${board}.elf \${application})
  target_link_libraries(${board}.elf ${name}_model -T\${script})
  set_target_properties(${board}.elf PROPERTIES LINK_DEPENDS \${script})
else()`
    : "if(NOT CMAKE_CROSSCOMPILING)";
  return `# In a project of your own: add_subdirectory of this folder, then target_link_libraries(YOURS ${name}_model).
cmake_minimum_required(VERSION 3.10)
project(${name}_model C)
set(CMAKE_C_STANDARD 99)
if(NOT MSVC) # whose .S files would be empty
  enable_language(ASM)
endif()

set(alone FALSE)
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  set(alone TRUE)
endif()
if(alone AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# Kernels, detection and tracking: all networks of a project share them.
if(NOT TARGET phinets_kernels)
  add_library(phinets_kernels STATIC
    ${kernels.join("\n    ")})
  target_include_directories(phinets_kernels PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
  set_target_properties(phinets_kernels PROPERTIES PHINETS_VERSION ${version})
endif()
get_target_property(version phinets_kernels PHINETS_VERSION)
if(NOT version STREQUAL "${version}")
  message(FATAL_ERROR "${name}: its kernels are not those of the project's other networks: export all with one PhiNets")
endif()

add_library(${name}_model STATIC ${name}_model.c)
target_include_directories(${name}_model PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(${name}_model PUBLIC phinets_kernels)

if(NOT alone)
  return()
endif()
${programs}
  add_executable(${name}_host host/main.c)
  target_link_libraries(${name}_host ${name}_model)
endif()
`;
}

function readme(bundle: Bundle): string {
  const { name, target, detector } = bundle;
  const NAME = name.toUpperCase();
  const board = fileName(target.name);
  const image = isLinked(target)
    ? `${board}/ is ${
        hasExample(target, bundle)
          ? "an application: start-up code, linker script, and app.c with a camera's frames in and tracks out"
          : "its start-up code, main loop and linker script; add a file with your hooks for frames and results (serve.h)"
      }.
\`cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake && cmake --build build\` makes build/${board}.elf of it.`
    : `Its core, ${target.core}, has a compiler of its own: hand it the .c files of this folder.`;
  return `# A network in C99

\`cc *.c host/main.c\` (or \`make\`, or CMake) builds a program that reads inputs from one file and writes outputs to
another. Firmware takes the .c, .h and .S files of this folder, and not of those in it. No heap, no floating point in the
network, no library but memcpy and memset.

${usage(bundle)}
${detector ? following(bundle) : ""}## In a project

- CMake: \`add_subdirectory(THIS_FOLDER)\`, then \`target_link_libraries(app ${name}_model)\`. Nothing else is built.
- make: \`make lib${name}.a CC=... AR=... CFLAGS=...\`.
- Any other: compile the .c and .S files of this folder for one and the same core (-mcpu=...). The .S files are empty for
  cores that they are not for.
- Arduino: copy the .c, .h and .S files beside the sketch.
- C++: headers are \`extern "C"\`, sources are C.

Several networks: export each with a --name of its own, all with one version of PhiNets. In CMake add each folder. Elsewhere
put their files into one folder: what is not called ${name}_... is the same in all.

## More than one at a time

\`${name}_run\` has one static arena. For two tasks, or two instances, define ${NAME}_CALLERS_ARENA for all files, which leaves
the arena out with all that uses it, and give each its own:

\`\`\`c
static int8_t arena[${NAME}_ARENA_BYTES] __attribute__((aligned(16)));
static ${name}_context context;

${name}_context_init(&context, arena);            /* once */
${name}_context_run(&context, input, output);     /* or ${name}_context_begin and ${name}_context_push_rows */
\`\`\`
${ownBanks(bundle)}
They share constants only. Between two runs the arena holds nothing: networks that run one after the other can share it.

## Memory

${memory(bundle)}

${placing(bundle)}

## What the bits need

The outputs are those of TensorFlow Lite Micro's reference kernels, to the bit, from any C99 compiler at any level of
optimisation: an int of 32 bits or more, two's complement. Detection and tracking compute in double and compile only where
double is what it says: not with -ffast-math, and not with the x87 of 32-bit PCs (-msse2 -mfpmath=sse).

They need no option for speed: under GCC's -Os the loops are optimised for speed all the same.

## The board

${ascii(target.title)}. ${image}
`;
}

/** How a context gets memory in several banks. */
function ownBanks({ name, program }: Bundle): string {
  const arenas = arenasOf(name, program);
  if (arenas.length === 1) return "";
  const parameters = ["&context", ...arenas.map(({ symbol }) => symbol.slice(name.length + 1))].join(", ");
  return `
Or an array a bank: \`${name}_context_init_banks(${parameters})\`, of ${arenas.map(({ size }) => size).join(", ")} bytes.
`;
}

/** Where the linker finds the arrays of working memory. */
function placing({ name, program, target }: Bundle): string {
  const arenas = arenasOf(name, program);
  const [{ symbol: first }] = arenas;
  if (arenas.length === 1)
    return `\`${first}\` has a section of its own, .bss.${first} (with -fdata-sections), so that a linker script can place it.`;
  const count = (bytes: number): string => bytes.toLocaleString("en-US");
  const list = arenas
    .map(({ symbol, bytes, region = target.arenaRegion }) => `- \`${symbol}\`: ${count(bytes)} bytes for ${region}`)
    .join("\n");
  return `It is an array for each of the board's banks, fastest first, each in a section of its own, .bss.<array> (with
-fdata-sections), so that a linker script can place it:

${list}

The board's script does so. Elsewhere they may lie anywhere: the outputs are the same.`;
}

function usage({ name, program }: Bundle): string {
  const NAME = name.toUpperCase();
  const meaning = `real value = ${NAME}_OUTPUT_SCALE * (byte - ${NAME}_OUTPUT_ZERO_POINT)`;
  if (program.options.input === "rows")
    return `\`\`\`c
#include "${name}_model.h"

static int8_t output[${NAME}_OUTPUT_BYTES], row[${NAME}_INPUT_WIDTH * ${NAME}_INPUT_CHANNELS];

${name}_begin(output);
do next_line(row); /* top to bottom: pixels, channels; each byte is pixel - 128 */
while (!${name}_push_rows(row, 1));
/* output is complete: ${meaning} */
\`\`\`

There is no place for a whole picture: a camera's lines are pushed as they come, one or more a call.
`;
  return `\`\`\`c
#include "${name}_model.h"

static int8_t output[${NAME}_OUTPUT_BYTES];

int8_t *input = ${name}_input(); /* ${NAME}_INPUT_BYTES: rows, pixels, channels; each byte is pixel - 128 */
fill(input);
${name}_run(input, output);      /* ${meaning} */
\`\`\`

The input may lie elsewhere too. \`${name}_begin\` and \`${name}_push_rows\` take it line by line, as a camera has it.
`;
}

function following({ name }: Bundle): string {
  const NAME = name.toUpperCase();
  return `Frame by frame, boxes (best first) and tracks (SORT):

\`\`\`c
#include "phinets_follow.h"

static phinets_follower follower; /* once: phinets_follow_start(&follower); */

phinets_follow(&follower, &${name}_head, output, ${NAME}_SCORE_THRESHOLD, ${NAME}_NMS_IOU);
for (int32_t i = 0; i < follower.track_count; i++) {
  const phinets_track *track = &follower.tracks[i];
  const phinets_box *box = &follower.boxes[track->detection];
  use(track->id, ${name}_classes[box->class_index], box->score, track->box.x1, track->box.y1, track->box.x2, track->box.y2);
}
\`\`\`

Boxes and tracks are in fractions of the picture.

`;
}

/** What an application must have room for, as a table. */
function memory({ name, q, program, target, detector }: Bundle): string {
  const NAME = name.toUpperCase();
  const count = (bytes: number): string => bytes.toLocaleString("en-US");
  const { graph } = q;
  const outputs = graph.outputs.reduce((sum, output) => sum + sizeOf(graph.shapes[output]), 0);
  const whole = program.options.input === "whole";
  const armv6m = /^cortex-m(0|0plus|1|23)$/.test(target.core);
  const [stack, measured] = armv6m
    ? [stackUse.armv6m, "Cortex-M0"]
    : program.options.dsp
      ? [stackUse.dsp, "Cortex-M7"]
      : [stackUse.portable, "Cortex-M3"];
  const rows = [
    [`working memory, \`${NAME}_ARENA_BYTES\``, count(program.arenaBytes), whole ? "the input's place is in it" : ""],
    [`output, \`${NAME}_OUTPUT_BYTES\``, count(outputs), ""],
    ["stack of an inference, at most", count(stack), `measured on a ${measured}, GCC 12, all kinds of layers`],
    ...(detector
      ? [
          [
            "`phinets_follower`: detection and tracking",
            "36,648",
            "less with -DPHINETS_MAX_BOXES (256), -DPHINETS_MAX_TRACKS (32)",
          ],
          ["stack of `phinets_follow`, at most", count(stackUse.follow), "after the inference, not on top of it"],
        ]
      : []),
  ];
  return ["| what | bytes | |", "| --- | ---: | --- |", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}
