/**
 * An ESP-IDF project: main/ and two components, one for the network and one for the code that all networks share.
 * Source: Espressif's ESP-IDF Programming Guide, "Build System".
 */
import {
  below,
  type CNetwork,
  exampleOf,
  type Files,
  includeAndSource,
  type Layout,
  libraryOf,
  modelOf,
  unitsOf,
} from "./network.js";
import { readme } from "./readme.js";

export const espIdf: Layout = (network, firmware) => {
  const { name } = network;
  const model = includeAndSource(modelOf(network));
  // Espressif's chips are not Arm cores, for which alone the .S files have code.
  const library = includeAndSource(
    Object.fromEntries(Object.entries(libraryOf(firmware)).filter(([file]) => !file.endsWith(".S"))),
  );
  return {
    "CMakeLists.txt": `cmake_minimum_required(VERSION 3.16)
include($ENV{IDF_PATH}/tools/cmake/project.cmake)
project(${name}_example)
`,
    "sdkconfig.defaults": settings(network),
    "main/CMakeLists.txt":
      "# By default, main depends on all components.\nidf_component_register(SRCS main.c INCLUDE_DIRS .)\n",
    ...below("main", exampleOf(firmware, "esp-idf", name)),
    ...below(
      "components/phinets_kernels",
      component(library, "Kernels, detection and tracking of PhiNets' networks", "PRIV_INCLUDE_DIRS src"),
    ),
    // The model includes the kernels' internal headers.
    ...below(
      `components/${name}`,
      component(
        model,
        `The network ${name}, made by PhiNets`,
        "PRIV_INCLUDE_DIRS ../phinets_kernels/src\n  REQUIRES phinets_kernels",
      ),
    ),
    "README.md": readme(network, {
      start: `A project for ESP-IDF 5: \`idf.py set-target YOUR_CHIP build flash monitor\`. Put your camera into main/example.h.
components/${name} is the network, components/phinets_kernels what all networks share. No heap, no floating point in the
network.`,
      project: `Copy both folders of components/ into that of your project; the component that calls the network says
\`REQUIRES ${name}\`. They are compiled with -O2 whatever the project's optimisation is.

Several networks: export each with a --name of its own, all with one version of PhiNets, and copy its component beside the
others. phinets_kernels is the same in all.`,
      board: "Any chip of Espressif's takes the components: their C is portable, and no vector instructions are used.",
    }),
  };
};

/** sdkconfig defaults for the board. ESP-IDF names its chips without hyphens. */
function settings({ target: { name } }: CNetwork): string {
  const chip = /^esp32(?:-[a-z]\d+)?$/.test(name) ? [`CONFIG_IDF_TARGET="${name.replace("-", "")}"`] : [];
  const clock = name === "esp32-s3" ? ["CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_240=y"] : [];
  const always = ["CONFIG_PARTITION_TABLE_SINGLE_APP_LARGE=y", "CONFIG_ESP_MAIN_TASK_STACK_SIZE=16384"];
  return `${[...chip, ...clock, ...always].join("\n")}\n`;
}

function component(files: Files, description: string, more: string): Files {
  return {
    ...files,
    "CMakeLists.txt": `idf_component_register(
  SRCS
    ${unitsOf(files).join("\n    ")}
  INCLUDE_DIRS include
  ${more})
# -O2, because it determines the time of an inference.
target_compile_options(\${COMPONENT_LIB} PRIVATE -O2)
`,
    "idf_component.yml": `version: "1.0.0"\ndescription: ${description}\ndependencies:\n  idf: ">=5.0"\n`,
  };
}
