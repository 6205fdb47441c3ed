/** A network's C as one flat folder that any compiler takes: model, kernels, a host program and build files. */
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type COptions, emitC } from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { describeWriteError, writeFileAtomic } from "../run/atomic.js";
import { firmwareSources, sharedFolders } from "./build.js";

/**
 * Writes the folder and returns its files' paths. `cc *.c` in it makes the host program; on a microcontroller everything
 * but main.c is compiled with the user's own code.
 * Throws PhinetsError where `emitC` does, and when a file cannot be written.
 */
export function writeBundle(
  folder: string,
  q: QuantizedNetwork,
  options: Pick<COptions, "detector" | "classes">,
): string[] {
  const model = emitC(q, options);
  const sources = [...sharedFolders, "boards/host"].flatMap((part) =>
    readdirSync(join(firmwareSources, part))
      .filter((file) => /\.[ch]$/.test(file))
      .map((file) => join(part, file)),
  );
  const names: string[] = [];
  const write = (name: string, text: string): void => {
    writeFileAtomic(join(folder, name), text);
    names.push(name);
  };
  for (const [name, text] of Object.entries(model)) write(name, text);
  try {
    mkdirSync(folder, { recursive: true });
    for (const source of sources) {
      const name = source.slice(source.lastIndexOf("/") + 1);
      copyFileSync(join(firmwareSources, source), join(folder, name));
      names.push(name);
    }
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  const units = names.filter((name) => name.endsWith(".c") && name !== "main.c").sort();
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

add_library(phinets STATIC ${units.join(" ")})
target_include_directories(phinets PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})

add_executable(model main.c)
target_link_libraries(model phinets)
`;
}

function readme(detector: boolean): string {
  const detect = detector
    ? `
Boxes, best first:

\`\`\`c
phinets_box boxes[32];
int32_t found = phinets_detect(&phinets_head, output, 0.25f, 0.45f, boxes, 32);
for (int32_t i = 0; i < found; i++)
  use(phinets_classes[boxes[i].class_index], boxes[i].score, boxes[i].x, boxes[i].y, boxes[i].width, boxes[i].height);
\`\`\`

phinets_track.h joins the boxes of successive frames to tracks (SORT).
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
`;
}
