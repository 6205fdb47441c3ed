/**
 * A network's C as a folder that any compiler takes: model, kernels, detection, tracking, a host program, build files, and
 * in stm32h743/ a whole application.
 */
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type COptions, emitC } from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { describeWriteError, writeFileAtomic } from "../run/atomic.js";
import { firmwareSources, sharedFolders } from "./build.js";

const chip = "stm32h743";

/**
 * Writes the folder and returns its files' paths. `cc *.c` in it makes the host program; on a microcontroller everything
 * but main.c is compiled with the user's own code, or with stm32h743/.
 * Throws PhinetsError where `emitC` does, and when a file cannot be written.
 */
export function writeBundle(
  folder: string,
  q: QuantizedNetwork,
  options: Pick<COptions, "detector" | "classes">,
): string[] {
  const model = emitC(q, options);
  const filesOf = (part: string, to = ""): [from: string, to: string][] =>
    readdirSync(join(firmwareSources, part))
      .filter((file) => /\.(c|h|ld)$/.test(file))
      .map((file) => [join(part, file), join(to, file)]);
  const sources = [
    ...[...sharedFolders, "boards/host"].flatMap((part) => filesOf(part)),
    ...["boards/cortex-m7", `boards/${chip}`].flatMap((part) => filesOf(part, chip)),
    // The example's hooks are those of a detector.
    ...(options.detector === undefined ? [] : filesOf(`boards/${chip}/example`, chip)),
    ["arm-none-eabi.cmake", "arm-none-eabi.cmake"] as const,
  ];
  const names: string[] = [];
  const write = (name: string, text: string): void => {
    writeFileAtomic(join(folder, name), text);
    names.push(name);
  };
  for (const [name, text] of Object.entries(model)) write(name, text);
  try {
    mkdirSync(join(folder, chip), { recursive: true });
    for (const [source, name] of sources) {
      copyFileSync(join(firmwareSources, source), join(folder, name));
      names.push(name);
    }
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  const units = names.filter((name) => /^\w+\.c$/.test(name) && name !== "main.c").sort();
  write("Makefile", makefile(units));
  write("CMakeLists.txt", cmake(units));
  write("README.md", readme(options.detector !== undefined));
  return names.sort().map((name) => join(folder, name));
}

function makefile(units: readonly string[]): string {
  return `CFLAGS ?= -O2 -Wall -Wextra
objects = ${units.map((unit) => unit.replace(/\.c$/, ".o")).join(" ")}

model: main.o $(objects)
\t$(CC) $(LDFLAGS) $^ -o $@

# For a microcontroller: make libphinets.a CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CFLAGS="-O2 -mcpu=cortex-m7 -mthumb"
libphinets.a: $(objects)
\t$(AR) rcs $@ $^

clean:
\trm -f model libphinets.a *.o

.PHONY: clean
`;
}

function cmake(units: readonly string[]): string {
  return `cmake_minimum_required(VERSION 3.10)
project(phinets_model C)
set(CMAKE_C_STANDARD 99)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_library(phinets STATIC ${units.join(" ")})
target_include_directories(phinets PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})

if(CMAKE_CROSSCOMPILING)
  # Put your own files in place of app.c.
  file(GLOB application \${CMAKE_CURRENT_SOURCE_DIR}/${chip}/*.c)
  set(script \${CMAKE_CURRENT_SOURCE_DIR}/${chip}/${chip}.ld)
  add_executable(${chip}.elf \${application})
  target_link_libraries(${chip}.elf phinets -T\${script})
  set_target_properties(${chip}.elf PROPERTIES LINK_DEPENDS \${script})
else()
  add_executable(model main.c)
  target_link_libraries(model phinets)
endif()
`;
}

function readme(detector: boolean): string {
  const detect = detector
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

${chip}/ is ${detector ? "an application for the STM32H743: start-up code, linker script, and app.c with a camera's frames in and tracks out" : "start-up code and linker script of the STM32H743"}:
\`cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake && cmake --build build\` makes build/libphinets.a and
build/${chip}.elf.
`;
}
