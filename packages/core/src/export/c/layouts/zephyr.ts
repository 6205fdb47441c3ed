/** A module of Zephyr and the nRF Connect SDK, with a sample. Source: Zephyr's documentation, "Modules (External projects)". */
import {
  below,
  type CNetwork,
  cmakeKernelsCheck,
  exampleOf,
  type Firmware,
  includeAndSource,
  type Layout,
  libraryOf,
  modelOf,
  unitsOf,
} from "./network.js";
import { readme } from "./readme.js";

export const zephyr: Layout = (network, firmware) => {
  const { name } = network;
  return {
    "zephyr/module.yml": `name: ${name}
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
samples:
  - sample
`,
    "zephyr/Kconfig": `config ${option(name)}
	bool "The network ${name}"
	default y
	select REQUIRES_FULL_LIBC
	help
	  An int8 network made by PhiNets, with its kernels, detection and
	  tracking.
`,
    "zephyr/CMakeLists.txt": lists(network, firmware),
    ...includeAndSource({ ...modelOf(network), ...libraryOf(firmware) }),
    "sample/CMakeLists.txt": `cmake_minimum_required(VERSION 3.20)
list(APPEND EXTRA_ZEPHYR_MODULES \${CMAKE_CURRENT_SOURCE_DIR}/..)
find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})
project(${name}_sample)
target_sources(app PRIVATE src/main.c)
`,
    "sample/prj.conf": "# The main thread runs the inference.\nCONFIG_MAIN_STACK_SIZE=12288\n",
    ...below("sample/src", exampleOf(firmware, "zephyr", name)),
    "README.md": readme(network, {
      start: `A module for Zephyr 3.4 or later and the nRF Connect SDK. sample/ is an application of it:
\`west build -b YOUR_BOARD sample\` builds it; put your camera into sample/src/example.h. No heap, no floating point in the
network.`,
      project: `In your application's CMakeLists.txt, before \`find_package(Zephyr)\`:

\`\`\`cmake
list(APPEND EXTRA_ZEPHYR_MODULES PATH_TO_THIS_FOLDER)
\`\`\`

CONFIG_${option(name)} is then on. The thread that calls the network needs the stack below, and 2 KiB for what is yours.
Several networks: export each with a --name of its own, all with one version of PhiNets. They share the kernels.`,
      board: "Any board of Zephyr with an int of 32 bits takes the module: its core decides which kernels are used.",
    }),
  };
};

/** A name as a Kconfig option, without the prefix CONFIG_. */
function option(name: string): string {
  return `${name.toUpperCase()}_NETWORK`;
}

function lists({ name }: CNetwork, firmware: Firmware): string {
  const here = "$" + "{CMAKE_CURRENT_LIST_DIR}/..";
  const units = unitsOf(includeAndSource(libraryOf(firmware)), here);
  return `if(CONFIG_${option(name)})
  # Kernels, detection and tracking, shared by all networks of an application.
  if(NOT TARGET phinets_kernels)
    zephyr_library_named(phinets_kernels)
    zephyr_library_sources(
      ${units.join("\n      ")})
    zephyr_library_include_directories(${here}/include ${here}/src)
    set_target_properties(phinets_kernels PROPERTIES PHINETS_VERSION ${firmware.version})
  endif()
${cmakeKernelsCheck(name, firmware.version).replace(/^/gm, "  ")}

  zephyr_library_named(${name}_network)
  zephyr_library_sources(${here}/src/${name}_model.c)
  zephyr_library_include_directories(${here}/src)
  zephyr_include_directories(${here}/include)
endif()
`;
}
