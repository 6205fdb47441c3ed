/**
 * A folder for any project: all sources in one place, build files for CMake and make, and files for an image of the
 * board.
 */
import { linkerScript } from "../../linker-script.js";
import { bootOf } from "../boot.js";
import { arm, fileName, isLinked, machineOf } from "../gcc.js";
import {
  ascii,
  below,
  type CNetwork,
  cmakeBegin,
  cmakeKernelsCheck,
  type Files,
  type Firmware,
  type Layout,
  libraryOf,
  modelOf,
  named,
  sourcesOf,
  unitsOf,
} from "./network.js";
import { readme } from "./readme.js";

/** `cc *.c host/main.c` makes the host program. Only a Cortex-M board has a folder of its own. */
export const plain: Layout = (network, firmware) => {
  const { name, target } = network;
  const linked = isLinked(target);
  const board = fileName(target.name);
  const boot = bootOf(target);
  const library = libraryOf(firmware);
  const image = (part: string): Files => named(sourcesOf(firmware, part, board), name);
  return {
    ...modelOf(network),
    ...library,
    ...named(sourcesOf(firmware, "boards/host", "host"), name, `../${name}_model.h`),
    ...benchmark(network, firmware),
    ...(linked ? { ...image("boards/start"), ...image("boards/cortex-m") } : {}),
    ...(boot === undefined ? {} : image(`boards/${boot}`)),
    // The example's hooks are a detector's, and its registers the chip's.
    ...(hasExample(network) ? image(`boards/${target.name}`) : {}),
    Makefile: makefile(network, library),
    "CMakeLists.txt": cmake(network, library, firmware),
    "README.md": readme(network, text(network)),
    ...(linked ? { [`${board}/${board}.ld`]: linkerScript(target), "arm-none-eabi.cmake": toolchain(network) } : {}),
  };
};

/** MLPerf Tiny's serial protocol, for this machine and for boards whose serial port is supported. */
function benchmark({ name, target }: CNetwork, firmware: Firmware): Files {
  const files = named(sourcesOf(firmware, "boards/benchmark"), name, `../${name}_model.h`);
  const ports = new Set(["benchmark.c", "benchmark.h", "host.c", `${target.name}.c`]);
  return below("benchmark", Object.fromEntries(Object.entries(files).filter(([file]) => ports.has(file))));
}

/** Whether there is an example application for the board. */
function hasExample({ target, detector }: CNetwork): boolean {
  return detector !== undefined && target.name === "stm32h743";
}

function toolchain({ target }: CNetwork): string {
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

function makefile({ name, target }: CNetwork, library: Files): string {
  const flags = isLinked(target) ? machineOf(target).join(" ") : "-mcpu=cortex-m7 -mthumb";
  const objects = [`${name}_model.c`, ...unitsOf(library)].map((unit) => unit.replace(/\.[cS]$/, ".o"));
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

function cmake({ name, target }: CNetwork, library: Files, { version }: Firmware): string {
  const board = fileName(target.name);
  const programs = isLinked(target)
    ? `if(CMAKE_CROSSCOMPILING)
  # Put your own sources into ${board}/.
  file(GLOB application \${CMAKE_CURRENT_SOURCE_DIR}/${board}/*.[cS])
  if(BENCHMARK)
    file(GLOB benchmark \${CMAKE_CURRENT_SOURCE_DIR}/benchmark/*.c)
    list(REMOVE_ITEM benchmark \${CMAKE_CURRENT_SOURCE_DIR}/benchmark/host.c)
    list(APPEND application \${benchmark})
  endif()
  set(script \${CMAKE_CURRENT_SOURCE_DIR}/${board}/${board}.ld)
  add_executable(${board}.elf \${application})
  target_link_libraries(${board}.elf ${name}_model -T\${script})
  set_target_properties(${board}.elf PROPERTIES LINK_DEPENDS \${script})
else()`
    : "if(NOT CMAKE_CROSSCOMPILING)";
  return `# In your own project: add_subdirectory(THIS_FOLDER), then target_link_libraries(YOUR_TARGET ${name}_model).
cmake_minimum_required(VERSION 3.10)
project(${name}_model C)
set(CMAKE_C_STANDARD 99)
${cmakeBegin}

# Kernels, detection and tracking, shared by all networks of a project.
if(NOT TARGET phinets_kernels)
  add_library(phinets_kernels STATIC
    ${unitsOf(library).join("\n    ")})
  target_include_directories(phinets_kernels PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
  set_target_properties(phinets_kernels PROPERTIES PHINETS_VERSION ${version})
endif()
${cmakeKernelsCheck(name, version)}

add_library(${name}_model STATIC ${name}_model.c)
target_include_directories(${name}_model PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(${name}_model PUBLIC phinets_kernels)

if(NOT alone)
  return()
endif()
option(BENCHMARK "The board's program answers MLPerf Tiny's runner" OFF)
option(BENCHMARK_ENERGY "It does so in energy mode: 9600 baud, a pin in place of the clock" OFF)
if(BENCHMARK_ENERGY)
  add_definitions(-DBENCHMARK_ENERGY)
endif()
${programs}
  add_executable(${name}_host host/main.c)
  target_link_libraries(${name}_host ${name}_model)
  add_executable(${name}_benchmark benchmark/benchmark.c benchmark/host.c)
  target_link_libraries(${name}_benchmark ${name}_model)
endif()
`;
}

function text(network: CNetwork) {
  const { name, target } = network;
  const board = fileName(target.name);
  return {
    start: `\`cc *.c host/main.c\` (or \`make\`, or CMake) builds a program that reads inputs from one file and writes outputs to
another. Firmware takes the .c, .h and .S files of this folder, and not of those in it. No heap, no floating point in the
network, no library but memcpy and memset. benchmark/ answers MLPerf Tiny's runner, or you at a terminal (\`help%\`): \`cc *.c
benchmark/benchmark.c benchmark/host.c\` on this machine.`,
    project: `- CMake: \`add_subdirectory(THIS_FOLDER)\`, then \`target_link_libraries(app ${name}_model)\`. Nothing else is built.
- make: \`make lib${name}.a CC=... AR=... CFLAGS=...\`.
- Zephyr, ESP-IDF, Arduino, an installed CMake package: \`phinets export --for\` writes a folder for each.
- Any other: compile the .c and .S files of this folder for one and the same core (-mcpu=...). The .S files are empty for
  cores that they are not for.
- C++: headers are \`extern "C"\`, sources are C.

Several networks: export each with a --name of its own, all with one version of PhiNets. In CMake add each folder. Elsewhere
put their files into one folder: what is not called ${name}_... is the same in all.`,
    board: isLinked(target)
      ? `${board}/ is ${
          hasExample(network)
            ? "an application: start-up code, linker script, and app.c with a camera's frames in and tracks out"
            : "its start-up code, main loop and linker script; add a file with your hooks for frames and results (serve.h)"
        }.
\`cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake && cmake --build build\` makes build/${board}.elf of it.
With -DBENCHMARK=ON it is the benchmark, ${
          target.name === "stm32h743"
            ? "on the ST-LINK's serial port of a NUCLEO-H743ZI2"
            : "with the four functions of benchmark/benchmark.h in a file of yours beside it"
        }; with -DBENCHMARK_ENERGY=ON too in energy mode.${
          bootOf(target) === undefined
            ? ""
            : `\n\`npx phinets uf2 build/${board}.elf\` makes the file that the board's drive takes. Clocks are as after reset: some
6.5 MHz on an RP2040, until your application starts a PLL.`
        }`
      : `Its core, ${target.core}, has a compiler of its own: hand it the .c files of this folder.`,
  };
}
