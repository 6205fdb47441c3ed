/**
 * A CMake package with the target NAME::network, used by add_subdirectory, FetchContent, or after installing by
 * find_package.
 */
import {
  below,
  type CNetwork,
  cmakeBegin,
  cmakeKernelsCheck,
  type Firmware,
  includeAndSource,
  type Layout,
  libraryOf,
  modelOf,
  named,
  sourcesOf,
  unitsOf,
} from "./network.js";
import { readme } from "./readme.js";

export const cmake: Layout = (network, firmware) => {
  const { name, target } = network;
  return {
    "CMakeLists.txt": lists(network, firmware),
    [`cmake/${name}Config.cmake`]: config(name, firmware.version),
    ...includeAndSource({ ...modelOf(network), ...libraryOf(firmware) }),
    ...below("host", named(sourcesOf(firmware, "boards/host"), name)),
    "README.md": readme(network, {
      start: `A CMake package: the target \`${name}::network\` is the network with its kernels, detection and tracking.
\`cmake -B build && cmake --build build\` also builds build/${name}_host, which reads inputs from one file and writes outputs
to another. No heap, no floating point in the network, no library but memcpy and memset.`,
      project: `As a folder of the project, or fetched:

\`\`\`cmake
add_subdirectory(THIS_FOLDER) # or FetchContent_Declare(${name} URL ...) and FetchContent_MakeAvailable(${name})
target_link_libraries(app PRIVATE ${name}::network)
\`\`\`

Or installed, \`cmake --install build --prefix PREFIX\`, and found with -DCMAKE_PREFIX_PATH=PREFIX:

\`\`\`cmake
find_package(${name} CONFIG REQUIRED)
target_link_libraries(app PRIVATE ${name}::network)
\`\`\`

As a subproject it installs nothing, unless ${name.toUpperCase()}_INSTALL is on. For a microcontroller give your tool chain's file
(-DCMAKE_TOOLCHAIN_FILE=...). C++: headers are \`extern "C"\`, sources are C.

Several networks: export each with a --name of its own, all with one version of PhiNets. They share the kernels.`,
      board: `Any other takes the folder too: its core decides at compile time which kernels are used. ${target.name} decided the
layout in memory.`,
    }),
  };
};

function lists({ name }: CNetwork, firmware: Firmware): string {
  const NAME = name.toUpperCase();
  return `cmake_minimum_required(VERSION 3.14)
project(${name}_network C)
${cmakeBegin}
option(${NAME}_INSTALL "Install ${name}::network and its headers" \${alone})

# Kernels, detection and tracking, shared by all networks of a project.
if(NOT TARGET phinets_kernels)
  add_library(phinets_kernels STATIC
    ${unitsOf(includeAndSource(libraryOf(firmware))).join("\n    ")})
  set_target_properties(phinets_kernels PROPERTIES
    C_STANDARD 99 EXPORT_NAME kernels PHINETS_VERSION ${firmware.version})
  target_include_directories(phinets_kernels
    PUBLIC $<BUILD_INTERFACE:\${CMAKE_CURRENT_SOURCE_DIR}/include>
    PRIVATE src)
endif()
${cmakeKernelsCheck(name, firmware.version)}

add_library(${name}_network STATIC src/${name}_model.c)
add_library(${name}::network ALIAS ${name}_network)
set_target_properties(${name}_network PROPERTIES C_STANDARD 99 EXPORT_NAME network)
target_include_directories(${name}_network
  PUBLIC $<BUILD_INTERFACE:\${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include/${name}>
  PRIVATE src)
target_link_libraries(${name}_network PUBLIC phinets_kernels)

if(${NAME}_INSTALL)
  # In a separate folder, because the kernels' library has the same name in the package of every network.
  install(TARGETS ${name}_network phinets_kernels EXPORT ${name}Targets ARCHIVE DESTINATION lib/${name})
  install(DIRECTORY include/ DESTINATION include/${name})
  install(EXPORT ${name}Targets NAMESPACE ${name}:: DESTINATION lib/cmake/${name})
  install(FILES cmake/${name}Config.cmake DESTINATION lib/cmake/${name})
endif()

if(alone AND NOT CMAKE_CROSSCOMPILING)
  add_executable(${name}_host host/main.c)
  target_link_libraries(${name}_host PRIVATE ${name}::network)
endif()
`;
}

function config(name: string, version: string): string {
  return `include("\${CMAKE_CURRENT_LIST_DIR}/${name}Targets.cmake")

# The kernels of several packages have the same names, so they must be identical.
get_property(PHINETS_KERNELS GLOBAL PROPERTY PHINETS_KERNELS)
if(PHINETS_KERNELS AND NOT PHINETS_KERNELS STREQUAL "${version}")
  message(FATAL_ERROR "${name}: its kernels are not those of the project's other networks: export all with one PhiNets")
endif()
set_property(GLOBAL PROPERTY PHINETS_KERNELS ${version})
`;
}
