/**
 * A network's C as a folder that any compiler takes: model, kernels, detection, tracking, a host program, build files, and
 * in a folder of the board's name what makes an image of it.
 */
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Board, loadBoard } from "@phinets/core/cost";
import { type COptions, emitC, linkerScript } from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { describeWriteError, writeFileAtomic } from "../run/atomic.js";
import { arm, fileName, firmwareSources, isLinked, machineOf, sharedFolders } from "./build.js";
import { defaultTarget } from "./emulate.js";

export interface BundleOptions extends Pick<COptions, "detector" | "classes"> {
  /** The board of the image. Default: the STM32H743. */
  readonly target?: Board;
}

/**
 * Writes the folder and returns its files' paths. `cc *.c` in it makes the host program; on a microcontroller everything
 * but main.c is compiled with the user's own code, or with the board's folder, which a core that is no Cortex-M has not.
 * Throws PhinetsError where `emitC` does, and when a file cannot be written.
 */
export function writeBundle(
  folder: string,
  q: QuantizedNetwork,
  { target = loadBoard(defaultTarget), ...options }: BundleOptions,
): string[] {
  const model = emitC(q, options);
  const linked = isLinked(target);
  const board = fileName(target.name);
  const filesOf = (part: string, to = ""): [from: string, to: string][] =>
    readdirSync(join(firmwareSources, part))
      .filter((file) => /\.(c|h|ld)$/.test(file))
      .map((file) => [join(part, file), join(to, file)]);
  const sources = [
    ...[...sharedFolders, "boards/host"].flatMap((part) => filesOf(part)),
    ...(linked ? ["boards/start", "boards/cortex-m"].flatMap((part) => filesOf(part, board)) : []),
    // Its hooks are those of a detector, its registers the chip's.
    ...(hasExample(target, options) ? filesOf(`boards/${target.name}`, board) : []),
  ];
  const names: string[] = [];
  const write = (name: string, text: string): void => {
    writeFileAtomic(join(folder, name), text);
    names.push(name);
  };
  for (const [name, text] of Object.entries(model)) write(name, text);
  try {
    mkdirSync(linked ? join(folder, board) : folder, { recursive: true });
    for (const [source, name] of sources) {
      copyFileSync(join(firmwareSources, source), join(folder, name));
      names.push(name);
    }
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  const units = names.filter((name) => /^\w+\.c$/.test(name) && name !== "main.c").sort();
  const flags = linked ? machineOf(target).join(" ") : undefined;
  write("Makefile", makefile(units, flags));
  write("CMakeLists.txt", cmake(units, linked ? board : undefined));
  if (flags !== undefined) {
    write(join(board, `${board}.ld`), linkerScript(target));
    write("arm-none-eabi.cmake", toolchain(target, flags));
  }
  write("README.md", readme(target, options));
  return names.sort().map((name) => join(folder, name));
}

/** Whether an example application for this board is at hand. */
function hasExample(board: Board, { detector }: BundleOptions): boolean {
  return detector !== undefined && board.name === "stm32h743";
}

function toolchain({ title }: Board, flags: string): string {
  const sections = arm.filter((flag) => flag.startsWith("-f")).join(" ");
  const linking = arm.filter((flag) => !flag.startsWith("-f")).join(" ");
  return `# GCC for ${title.replace(/[^\x20-\x7e]/g, "?")}: cmake -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "${flags} ${sections}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${linking}")
`;
}

function makefile(units: readonly string[], flags = "-mcpu=cortex-m7 -mthumb"): string {
  return `CFLAGS ?= -O2 -Wall -Wextra
objects = ${units.map((unit) => unit.replace(/\.c$/, ".o")).join(" ")}

model: main.o $(objects)
\t$(CC) $(LDFLAGS) $^ -o $@

# For a microcontroller: make libphinets.a CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CFLAGS="-O2 ${flags}"
libphinets.a: $(objects)
\t$(AR) rcs $@ $^

clean:
\trm -f model libphinets.a *.o

.PHONY: clean
`;
}

function cmake(units: readonly string[], board?: string): string {
  const image =
    board === undefined
      ? "if(NOT CMAKE_CROSSCOMPILING)"
      : `if(CMAKE_CROSSCOMPILING)
  # Add your own files.
  file(GLOB application \${CMAKE_CURRENT_SOURCE_DIR}/${board}/*.c)
  set(script \${CMAKE_CURRENT_SOURCE_DIR}/${board}/${board}.ld)
  add_executable(${board}.elf \${application})
  target_link_libraries(${board}.elf phinets -T\${script})
  set_target_properties(${board}.elf PROPERTIES LINK_DEPENDS \${script})
else()`;
  return `cmake_minimum_required(VERSION 3.10)
project(phinets_model C)
set(CMAKE_C_STANDARD 99)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_library(phinets STATIC ${units.join(" ")})
target_include_directories(phinets PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})

${image}
  add_executable(model main.c)
  target_link_libraries(model phinets)
endif()
`;
}

function readme(target: Board, options: BundleOptions): string {
  const board = fileName(target.name);
  const title = target.title.replace(/[^\x20-\x7e]/g, "?");
  const image = isLinked(target)
    ? `${board}/ is ${hasExample(target, options) ? "an application for the board: start-up code, linker script, and app.c with a camera's frames in and tracks out" : "the board's start-up code, main loop and linker script; add a file with your `phinets_frame` and what takes the results (serve.h has them)"}:
\`cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake && cmake --build build\` makes build/libphinets.a and
build/${board}.elf.`
    : `Its core, ${target.core}, has a compiler of its own: hand it every .c file but main.c.`;
  const detect = options.detector
    ? `
Frame by frame, boxes (best first) and tracks (SORT):

\`\`\`c
#include "phinets_follow.h"

static phinets_follower follower; /* once: phinets_follow_start(&follower); */

phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
for (int32_t i = 0; i < follower.track_count; i++) {
  const phinets_track *track = &follower.tracks[i];
  const phinets_box *box = &follower.boxes[track->detection];
  use(track->id, phinets_classes[box->class_index], box->score, track->box.x1, track->box.y1, track->box.x2, track->box.y2);
}
\`\`\`

Boxes and tracks are in fractions of the picture.
`
    : "";
  return `# A network in C99

\`cc *.c -o model\` builds a program that reads inputs from one file and writes outputs to another. In firmware, leave out
main.c. No heap, no floating point in the network, no library but memcpy and memset.

\`\`\`c
#include "phinets_model.h"

static int8_t output[PHINETS_OUTPUT_BYTES];

int8_t *input = phinets_input();  /* PHINETS_INPUT_BYTES: rows, pixels, channels; each byte is pixel - 128 */
fill(input);
phinets_run(input, output);       /* real value = PHINETS_OUTPUT_SCALE * (byte - PHINETS_OUTPUT_ZERO_POINT) */
\`\`\`
${detect}
The working memory is \`phinets_arena\` (PHINETS_ARENA_BYTES); a linker script may place its section, .bss.phinets_arena,
in a bank of its own (compile with -fdata-sections).

The board is ${title}. ${image}
`;
}
