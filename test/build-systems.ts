/**
 * Stand-ins for build systems that have no Debian packages. They provide, as documented, what an exported folder uses:
 * they compile its sources with this machine's compilers, and its example into a program that ends after some frames.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Number of times that an example shows a frame. */
export const frames = 4;

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

const clock = `#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
static void wait(void) {
  static int waits;
  if (++waits == ${frames}) exit(0);
}
`;

/** Zephyr: a package that CMake finds in `folder`; modules, their Kconfig defaults, libraries linked as a whole. */
export function standInForZephyr(folder: string): void {
  write(folder, {
    "ZephyrConfig.cmake": `project(Zephyr-Kernel C ASM)
add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE ${folder}/include)
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY \${name})
  add_library(\${name} STATIC)
  target_link_libraries(\${name} PRIVATE zephyr_interface)
  set_property(GLOBAL APPEND PROPERTY LIBRARIES \${name})
endmacro()
macro(zephyr_library_sources)
  target_sources(\${ZEPHYR_CURRENT_LIBRARY} PRIVATE \${ARGN})
endmacro()
macro(zephyr_library_include_directories)
  target_include_directories(\${ZEPHYR_CURRENT_LIBRARY} PRIVATE \${ARGN})
endmacro()
macro(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE \${ARGN})
endmacro()
add_library(app STATIC)
target_link_libraries(app PRIVATE zephyr_interface)
foreach(module \${EXTRA_ZEPHYR_MODULES})
  file(READ \${module}/zephyr/module.yml text)
  string(REGEX MATCH "name: ([a-zA-Z0-9_]+)\\n" _ "\${text}")
  set(name \${CMAKE_MATCH_1})
  string(REGEX MATCH "\\n  cmake: ([^\\n]+)\\n" _ "\${text}")
  set(lists \${CMAKE_MATCH_1})
  string(REGEX MATCH "\\n  kconfig: ([^\\n]+)\\n" _ "\${text}")
  file(READ \${module}/\${CMAKE_MATCH_1} text)
  if(text MATCHES "^config ([A-Z0-9_]+)\\n\\tbool \\"[^\\"\\n]*\\"\\n\\tdefault y\\n")
    set(CONFIG_\${CMAKE_MATCH_1} y)
  endif()
  add_subdirectory(\${module}/\${lists} modules/\${name})
endforeach()
get_property(libraries GLOBAL PROPERTY LIBRARIES)
add_executable(zephyr.elf ${folder}/kernel.c)
target_include_directories(zephyr.elf PRIVATE ${folder}/include)
target_link_libraries(zephyr.elf PRIVATE -Wl,--whole-archive app \${libraries} -Wl,--no-whole-archive)
`,
    "include/zephyr/kernel.h": "#include <stdint.h>\nuint32_t k_uptime_get_32(void);\nint32_t k_msleep(int32_t ms);\n",
    "include/zephyr/device.h": `#pragma once
struct device { int unused; };
extern const struct device console_device;
#define DT_CHOSEN(name) name
#define DEVICE_DT_GET(node) (&console_device)
`,
    "include/zephyr/drivers/uart.h":
      "#include <zephyr/device.h>\nvoid uart_poll_out(const struct device *dev, unsigned char out_char);\n",
    "include/zephyr/sys/printk.h": "void printk(const char *format, ...);\n",
    "kernel.c": `#include <stdarg.h>
#include "zephyr/kernel.h"
#include "zephyr/drivers/uart.h"
#include "zephyr/sys/printk.h"
${clock}
const struct device console_device = {0};
void uart_poll_out(const struct device *dev, unsigned char out_char) { (void)dev; putchar(out_char); }
uint32_t k_uptime_get_32(void) { return 0; }
int32_t k_msleep(int32_t ms) { (void)ms; wait(); return 0; }
void printk(const char *format, ...) { va_list list; va_start(list, format); vprintf(format, list); va_end(list); }
`,
  });
}

/** ESP-IDF: IDF_PATH. Components are archives, and main requires all of them. */
export function standInForEspIdf(folder: string): void {
  write(folder, {
    "tools/cmake/project.cmake": `macro(idf_component_register)
  cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;REQUIRES" \${ARGN})
  if(__UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: \${__UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(COMPONENT_NAME \${CMAKE_CURRENT_LIST_DIR} NAME)
  set(COMPONENT_LIB __idf_\${COMPONENT_NAME})
  add_library(\${COMPONENT_LIB} STATIC \${__SRCS})
  target_include_directories(\${COMPONENT_LIB} PUBLIC \${__INCLUDE_DIRS} PRIVATE \${__PRIV_INCLUDE_DIRS} ${folder}/include)
  foreach(other \${__REQUIRES})
    target_link_libraries(\${COMPONENT_LIB} PUBLIC __idf_\${other})
  endforeach()
endmacro()
macro(project name)
  _project(\${name} C)
  file(GLOB components \${CMAKE_CURRENT_SOURCE_DIR}/components/*)
  foreach(component \${components} \${CMAKE_CURRENT_SOURCE_DIR}/main)
    add_subdirectory(\${component})
  endforeach()
  foreach(component \${components})
    get_filename_component(component \${component} NAME)
    target_link_libraries(__idf_main PUBLIC __idf_\${component})
  endforeach()
  add_executable(app.elf ${folder}/system.c)
  target_include_directories(app.elf PRIVATE ${folder}/include)
  target_link_libraries(app.elf PRIVATE __idf_main)
endmacro()
`,
    "include/freertos/FreeRTOS.h":
      "#include <stdint.h>\ntypedef uint32_t TickType_t;\n#define pdMS_TO_TICKS(ms) (ms)\n",
    "include/freertos/task.h": "void vTaskDelay(const TickType_t ticks);\n",
    "include/esp_timer.h": "#include <stdint.h>\nint64_t esp_timer_get_time(void);\n",
    "system.c": `#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "esp_timer.h"
${clock}
void app_main(void);
void vTaskDelay(const TickType_t ticks) { (void)ticks; wait(); }
int64_t esp_timer_get_time(void) { return 0; }
int main(void) { app_main(); return 1; }
`,
  });
}

/** An Arduino core: Arduino.h, and the program that calls a sketch. */
export function standInForArduino(folder: string): void {
  write(folder, {
    "Arduino.h": `#pragma once
#include <stdint.h>
void setup(void);
void loop(void);
unsigned long millis(void);
void delay(unsigned long ms);
struct Printer {
  void begin(unsigned long baud);
  void print(const char *text);
  void print(unsigned long number);
  void println(const char *text);
  void write(uint8_t byte);
};
extern Printer Serial;
`,
    "core.cpp": `#include "Arduino.h"
${clock}
Printer Serial;
void Printer::begin(unsigned long) {}
void Printer::print(const char *text) { fputs(text, stdout); }
void Printer::print(unsigned long number) { printf("%lu", number); }
void Printer::println(const char *text) { puts(text); }
void Printer::write(uint8_t byte) { putchar(byte); }
unsigned long millis(void) { return 0; }
void delay(unsigned long) { wait(); }
int main() {
  setup();
  for (;;) loop();
}
`,
  });
}

/** The sources of a library that the Arduino builder compiles: all in src and its subfolders. */
export function arduinoUnits(library: string): string[] {
  return readdirSync(join(library, "src"), { recursive: true })
    .map(String)
    .filter((file) => /\.(?:c|cpp|S)$/.test(file))
    .map((file) => join(library, "src", file));
}

/** A .properties file: key=value lines. */
export function readProperties(file: string): Record<string, string> {
  return Object.fromEntries(
    readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
