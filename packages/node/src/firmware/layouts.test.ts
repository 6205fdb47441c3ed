/**
 * The exported C in the layout of each build system: it is found, compiled and linked, and prints the library's
 * results.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildSystems, Follower, wireMessagesOf } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import { classNames } from "@phinets/core/networks";
import { loadBoard } from "@phinets/core/target";
import { encodeWire, type WireMessage } from "@phinets/core/wire";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import {
  arduinoUnits,
  frames,
  readProperties,
  standInForArduino,
  standInForEspIdf,
  standInForZephyr,
} from "../../../../test/build-systems.js";
import { height, randomDetector, width } from "../../../../test/random-detector.js";
import { installed } from "../../../../test/tools.js";
import { runTool } from "../host/tool.js";
import { writeBundle } from "./bundle.js";

vi.setConfig({ testTimeout: 200_000 });

const root = mkdtempSync(join(tmpdir(), "phinets-layouts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Two networks that an application uses together. */
const networks = [
  { name: "nuts", target: loadBoard("stm32h743"), ...randomDetector(5, 0.4) },
  { name: "Bolts2", target: loadBoard("rp2040"), input: "rows", ...randomDetector(8, 0.3) },
] as const;

const folderOf = (system: string, name: string): string => join(root, system, name);
const sdk = (system: string): string => join(root, "sdk", system);
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));

beforeAll(() => {
  for (const system of buildSystems)
    for (const { name, q, ...options } of networks)
      writeBundle(folderOf(system, name), q, { name, system, ...options });
  standInForZephyr(sdk("zephyr"));
  standInForEspIdf(sdk("esp-idf"));
  standInForArduino(sdk("arduino"));
});

/** The picture of firmware/examples/example.h, computed independently. */
function picture(frame: number): Int8Array {
  const side = height / 4;
  const bytes = new Int8Array(height * width * 3);
  for (let y = side; y < 2 * side; y++)
    for (let x = frame % width; x < Math.min(width, (frame % width) + side); x++)
      bytes.fill(100, (y * width + x) * 3, (y * width + x + 1) * 3);
  return bytes;
}

/** The text that an example prints for a network. */
function expectedText({ q, detector }: (typeof networks)[number]): string {
  const interpreter = new IntegerInterpreter(q);
  const follower = new Follower(q, detector);
  const lines = Array.from({ length: frames }, (_, frame) => {
    const { tracks } = follower.next(interpreter.run(picture(frame)));
    const texts = tracks.map(
      (track) => `${track.id} ${classNames(detector.head)[track.class!]} ${Math.trunc(100 * track.score!)}`,
    );
    return `${texts.length > 0 ? texts.join(", ") : "nothing"} (0 ms)\n`;
  });
  return lines.join("");
}

/** The bytes that an example with -DPHINETS_WIRE sends for a network. */
function expectedBytes({ q, detector }: (typeof networks)[number]): Buffer {
  const [interpreter, follower] = [new IntegerInterpreter(q), new Follower(q, detector)];
  const classes = classNames(detector.head);
  const messages = Array.from({ length: frames }, (_, frame): WireMessage[] => {
    const followed = follower.next(interpreter.run(picture(frame)));
    const hello = { type: "hello", name: "example", classes, width, height, intervalUs: 0 } as const;
    return [...(frame === 0 ? [hello] : []), ...wireMessagesOf(followed, frame, { width, height })];
  });
  return Buffer.concat([Buffer.of(0), ...messages.flat().map(encodeWire)]);
}

/** A program's standard output as bytes. */
const bytesFrom = (command: string, cwd: string): Buffer => execFileSync(command, { cwd });

async function succeeds(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runTool(command, args, { cwd });
  expect(exitCode, `${command} ${args.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

async function buildWithCmake(folder: string, ...options: string[]): Promise<void> {
  await succeeds("cmake", ["-B", "build", "-DCMAKE_BUILD_TYPE=Debug", ...options], folder);
  await succeeds("cmake", ["--build", "build", "-j2"], folder);
}

/** The same with an example that sends wire messages, in the folder `sends`. */
async function buildSending(folder: string, ...options: string[]): Promise<void> {
  const all = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS=-DPHINETS_WIRE -Wall -Wextra -Werror", ...options];
  await succeeds("cmake", ["-B", "sends", ...all], folder);
  await succeeds("cmake", ["--build", "sends", "-j2"], folder);
}

test("the examples find something", () => {
  for (const network of networks) expect(expectedText(network)).toMatch(/^\d+ (?:nut|bolt) \d+/m);
});

describe.each(buildSystems)("for %s", (system) => {
  test("every file is the generator's, the sources lie once, and no library has a main", () => {
    for (const { name } of networks) {
      const folder = folderOf(system, name);
      const files = filesOf(folder);
      const units = files.filter((file) => /\.[cS]$/.test(file)).map((file) => basename(file));
      expect(new Set(units).size).toBe(units.length);
      expect(units).toEqual(expect.arrayContaining([`${name}_model.c`, "program.c", "phinets_track.c", "dsp_steps.c"]));
      const mains = files.filter((file) =>
        /^(?:int|void) (?:app_)?main\(/m.test(readFileSync(join(folder, file), "utf8")),
      );
      expect(mains).toEqual(
        { zephyr: ["sample/src/main.c"], "esp-idf": ["main/main.c"], arduino: [], cmake: ["host/main.c"] }[system],
      );
      expect(
        files.filter((file) => file.endsWith(".yml")).map((file) => parse(readFileSync(join(folder, file), "utf8"))),
      ).not.toContain(undefined);
      expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(`#include "${name}_model.h"`);
    }
  });

  test.skipIf(!installed("arm-none-eabi-gcc"))("sources and headers compile for Arm, each where it lies", async () => {
    // Both use the same kernels.
    const machines = [["-mcpu=cortex-m0plus"], ["-mcpu=cortex-m33", "-mfloat-abi=soft"]];
    for (const [i, { name }] of networks.entries()) {
      const folder = folderOf(system, name);
      const units = filesOf(folder).filter((file) => /\.[cS]$/.test(file) && !/^(?:host|main|sample)\//.test(file));
      const include = [
        ...new Set(
          filesOf(folder)
            .filter((file) => file.endsWith(".h"))
            .map((file) => join(file, "..")),
        ),
      ];
      const options = ["-mthumb", ...machines[i], "-Wall", "-Wextra", "-Werror", "-fsyntax-only"];
      await succeeds("arm-none-eabi-gcc", [...options, ...include.map((to) => `-I${to}`), ...units], folder);
    }
  });
});

describe.skipIf(!installed("gcc", "g++", "cmake"))("an example prints what the library finds", () => {
  const [first, second] = networks;

  test("zephyr: a module and its sample; two modules share the kernels", async () => {
    for (const network of networks) {
      const sample = join(folderOf("zephyr", network.name), "sample");
      await buildWithCmake(sample, `-DZephyr_DIR=${sdk("zephyr")}`);
      expect(await succeeds("build/zephyr.elf", [], sample)).toBe(expectedText(network));
      await buildSending(sample, `-DZephyr_DIR=${sdk("zephyr")}`);
      expect(bytesFrom("sends/zephyr.elf", sample).equals(expectedBytes(network))).toBe(true);
    }
    const sample = join(folderOf("zephyr", first.name), "sample");
    await buildWithCmake(sample, `-DEXTRA_ZEPHYR_MODULES=${folderOf("zephyr", second.name)}`);
    expect(await succeeds("build/zephyr.elf", [], sample)).toBe(expectedText(first));
    const symbols = await succeeds("nm", ["build/zephyr.elf"], sample);
    for (const { name } of networks) expect(symbols).toMatch(new RegExp(` T ${name}_begin\n`));
    const { name, build } = parse(readFileSync(join(sample, "../zephyr/module.yml"), "utf8"));
    expect([name, build]).toEqual(["nuts", { cmake: "zephyr", kconfig: "zephyr/Kconfig" }]);
  });

  test("esp-idf: a project; the other's component is copied beside", async () => {
    vi.stubEnv("IDF_PATH", sdk("esp-idf"));
    for (const network of networks) {
      const project = folderOf("esp-idf", network.name);
      await buildWithCmake(project);
      expect(await succeeds("build/app.elf", [], project)).toBe(expectedText(network));
      await buildSending(project);
      expect(bytesFrom("sends/app.elf", project).equals(expectedBytes(network))).toBe(true);
    }
    const project = folderOf("esp-idf", first.name);
    await succeeds(
      "cp",
      ["-r", join(folderOf("esp-idf", second.name), "components", second.name), "components/"],
      project,
    );
    await buildWithCmake(project);
    expect(await succeeds("build/app.elf", [], project)).toBe(expectedText(first));
    vi.unstubAllEnvs();
    const component = parse(readFileSync(join(project, "components/nuts/idf_component.yml"), "utf8"));
    expect(component).toMatchObject({ version: "1.0.0", dependencies: { idf: ">=5.0" } });
  });

  test("arduino: a library and its sketch; two libraries are linked as archives", async () => {
    const where = join(root, "sketches");
    mkdirSync(where);
    for (const { name } of networks) {
      const library = folderOf("arduino", name);
      mkdirSync(join(where, name));
      for (const unit of arduinoUnits(library))
        await succeeds("gcc", ["-std=gnu11", "-Wall", "-I", join(library, "src"), "-c", unit], join(where, name));
      const objects = readdirSync(join(where, name)).sort();
      await succeeds("ar", ["rcs", `../${name}.a`, ...objects], join(where, name));
    }
    for (const network of networks) {
      const { name } = network;
      const library = folderOf("arduino", name);
      const sketch = join(library, "examples", name);
      const include = [`-I${join(library, "src")}`, `-I${sketch}`, `-I${sdk("arduino")}`, "-include", "Arduino.h"];
      const others = networks.map((each) => `${each.name}.a`).sort((a) => (a === `${name}.a` ? -1 : 1));
      const units = ["-x", "c++", join(sketch, `${name}.ino`), join(sdk("arduino"), "core.cpp")];
      const build = (out: string, ...more: string[]) => {
        const flags = ["-std=gnu++11", "-Wall", "-Wextra", "-Werror", ...more, ...include];
        return succeeds("g++", [...flags, ...units, "-x", "none", ...others, "-o", out], where);
      };
      await build(`${name}_out`);
      expect(await succeeds(`./${name}_out`, [], where)).toBe(expectedText(network));
      await build(`${name}_sends`, "-DPHINETS_WIRE");
      expect(bytesFrom(`./${name}_sends`, where).equals(expectedBytes(network))).toBe(true);
      const properties = readProperties(join(library, "library.properties"));
      expect(Object.keys(properties)).toEqual(
        expect.arrayContaining(
          "name version author maintainer sentence paragraph category url architectures".split(" "),
        ),
      );
      expect(properties).toMatchObject({ name, includes: `${name}_model.h`, dot_a_linkage: "true" });
      expect(properties.architectures.split(",")).not.toContain("avr");
      const keywords = readFileSync(join(library, "keywords.txt"), "utf8").trimEnd().split("\n");
      const known = arduinoUnits(library).map((unit) => readFileSync(unit, "utf8"));
      const headers = readdirSync(join(library, "src")).filter((file) => file.endsWith(".h"));
      const texts = [...known, ...headers.map((file) => readFileSync(join(library, "src", file), "utf8"))].join("\n");
      for (const line of keywords) {
        const [word, kind] = line.split("\t");
        expect(kind).toMatch(/^(?:KEYWORD[12]|LITERAL1)$/);
        expect(texts, line).toMatch(new RegExp(`\\b${word}\\b`));
      }
    }
  });

  test.skipIf(!installed("arm-none-eabi-g++"))("arduino: the sketch is C++ for Arm too", async () => {
    for (const { name } of networks) {
      const library = folderOf("arduino", name);
      const include = [`-I${join(library, "src")}`, `-I${sdk("arduino")}`, "-include", "Arduino.h"];
      const options = ["-mcpu=cortex-m4", "-mthumb", "-std=gnu++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"];
      await succeeds(
        "arm-none-eabi-g++",
        [...options, ...include, "-x", "c++", `${name}.ino`],
        join(library, "examples", name),
      );
    }
  });

  test("cmake: a subproject, fetched, and installed and found", async () => {
    const inputs = Buffer.concat(Array.from({ length: frames }, (_, i) => new Uint8Array(picture(i).buffer)));
    const prefix = join(root, "prefix");
    for (const { name, q } of networks) {
      const folder = folderOf("cmake", name);
      await buildWithCmake(folder);
      await succeeds("cmake", ["--install", "build", "--prefix", prefix], folder);
      writeFileSync(join(folder, "in.bin"), inputs);
      await succeeds(`build/${name}_host`, ["in.bin", "out.bin"], folder);
      const interpreter = new IntegerInterpreter(q);
      const expected = Array.from({ length: frames }, (_, i) => [...interpreter.run(picture(i))[0]]).flat();
      expect([...new Int8Array(readFileSync(join(folder, "out.bin")))]).toEqual(expected);
    }
    const start = "cmake_minimum_required(VERSION 3.14)\nproject(app CXX)\n";
    const fetch = ({ name }: { name: string }): string =>
      `FetchContent_Declare(${name} SOURCE_DIR ${folderOf("cmake", name)})\nFetchContent_MakeAvailable(${name})\n`;
    const projects = {
      subprojects: networks.map(({ name }) => `add_subdirectory(${folderOf("cmake", name)} ${name})\n`).join(""),
      fetched: `include(FetchContent)\n${networks.map(fetch).join("")}`,
      found: networks.map(({ name }) => `find_package(${name} CONFIG REQUIRED)\n`).join(""),
    };
    for (const [project, text] of Object.entries(projects)) {
      const where = join(root, project);
      mkdirSync(where);
      writeFileSync(
        join(where, "CMakeLists.txt"),
        `${start}${text}add_executable(app main.cpp)\ntarget_link_libraries(app PRIVATE nuts::network Bolts2::network)\n`,
      );
      writeFileSync(
        join(where, "main.cpp"),
        `#include "nuts_model.h"
#include "Bolts2_model.h"
#include "phinets_follow.h"
static int8_t input[NUTS_INPUT_BYTES + 3], outputs[2][NUTS_OUTPUT_BYTES];
int main() {
  nuts_run(input, outputs[0]);
  Bolts2_begin(outputs[1]);
  return !Bolts2_push_rows(input, BOLTS2_INPUT_HEIGHT);
}
`,
      );
      await buildWithCmake(where, `-DCMAKE_PREFIX_PATH=${prefix}`);
      await succeeds("build/app", [], where);
    }
    // A subproject installs nothing by default.
    await succeeds("cmake", ["--install", "build", "--prefix", join(root, "nothing")], join(root, "subprojects"));
    expect(() => readdirSync(join(root, "nothing"))).toThrow("ENOENT");
    // Kernels of another version are refused.
    const file = join(prefix, "lib/cmake/Bolts2/Bolts2Config.cmake");
    writeFileSync(file, readFileSync(file, "utf8").replace(/STREQUAL "[0-9a-f]/, 'STREQUAL "x'));
    const { exitCode, stderr } = await runTool("cmake", ["-B", "build"], { cwd: join(root, "found") });
    expect([exitCode, stderr.replace(/\s+/g, " ")]).toEqual([
      1,
      expect.stringContaining("export all with one PhiNets"),
    ]);
  });
});
