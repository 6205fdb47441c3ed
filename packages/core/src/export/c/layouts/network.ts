/** The parts of a layout, and the functions that all layouts share. Everything works on texts by path. */
import type { QuantizedNetwork } from "../../../quantization/index.js";
import type { Board, Program } from "../../../target/index.js";
import { type COptions, emitC } from "../model.js";

/** Texts by path, with / between folders. */
export type Files = Readonly<Record<string, string>>;

export interface CNetwork extends Pick<COptions, "detector" | "classes"> {
  readonly q: QuantizedNetwork;
  /** Prefix of the model's files, symbols and macros, and of a build system's targets: a C identifier. */
  readonly name: string;
  readonly target: Board;
  /** The result of `firmwareProgram` for the target. */
  readonly program: Program;
}

/** The sources that all networks share. */
export interface Firmware {
  /** Texts by path within the package @phinets/firmware: "kernels/conv2d.c", "boards/host/main.c". */
  readonly files: Files;
  /** A digest of the kernels, which must be equal for all networks in one program. */
  readonly version: string;
}

/** Makes the folder for one build system. */
export type Layout = (network: CNetwork, firmware: Firmware) => Files;

/** Folders of the firmware that every program needs. */
export const sharedFolders = ["kernels", "kernels/dsp", "kernels/helium", "detect", "track", "follow", "wire"] as const;

const source = /\.[cS]$/;
/** Headers that an application includes, and the headers that those include. */
const publicHeader = /(?:_model|^phinets_(?:program|detect|track|follow|wire))\.h$/;

/** `{"<name>_model.c", "<name>_model.h"}`. */
export function modelOf({ q, ...options }: CNetwork): Files {
  return emitC(q, options);
}

/** The sources in a folder of the firmware, moved to the folder `to`. */
export function sourcesOf({ files }: Firmware, part: string, to = ""): Record<string, string> {
  const found = Object.entries(files).filter(([path]) => {
    const end = path.lastIndexOf("/");
    return path.slice(0, end) === part && /\.(?:[chS]|ino)$/.test(path);
  });
  return below(to, Object.fromEntries(found.map(([path, text]) => [path.slice(part.length + 1), text])));
}

/** Kernels, detection and tracking in one folder. */
export function libraryOf(firmware: Firmware): Files {
  return Object.assign({}, ...sharedFolders.map((part) => sourcesOf(firmware, part)));
}

/** Files to compile, in the order of the given files. */
export function unitsOf(files: Files, to = ""): string[] {
  return Object.keys(below(to, files)).filter((file) => source.test(file));
}

/** The files moved into a folder. */
export function below(folder: string, files: Files): Record<string, string> {
  if (folder === "") return { ...files };
  return Object.fromEntries(Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text]));
}

/** Puts the headers for applications into include/ and all other files into src/. */
export function includeAndSource(files: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([file, text]) => [`${publicHeader.test(file) ? "include" : "src"}/${file}`, text]),
  );
}

/** A program's texts with the model's names in this folder. */
export function named(files: Files, name: string, header = `${name}_model.h`): Files {
  const upper = name.toUpperCase();
  return Object.fromEntries(
    Object.entries(files).map(([file, text]) => [
      file,
      text
        .replace(/"phinets_model\.h"/g, `"${header}"`)
        .replace(/\bphinets_(?=(?:run|begin|push_rows|input|head|classes)\b)/g, `${name}_`)
        .replace(
          /\bPHINETS_(?=(?:INPUT|OUTPUT\d*)_|(?:OUTPUTS|DETECTOR|CLASSES|SCORE_THRESHOLD|NMS_IOU)\b)/g,
          `${upper}_`,
        ),
    ]),
  );
}

/** The example that all build systems share: it takes a picture and prints the network's findings. */
export function exampleOf(firmware: Firmware, system: string, name: string): Files {
  return named({ ...sourcesOf(firmware, "examples"), ...sourcesOf(firmware, `examples/${system}`) }, name);
}

/** Replaces characters outside ASCII, for files of other tools. */
export function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/**
 * CMake: enables the languages and sets `alone` if the folder is a project of its own, which then gets a build type.
 */
export const cmakeBegin = `if(NOT MSVC) # for which the .S files would be empty
  enable_language(ASM)
endif()

set(alone OFF)
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  set(alone ON)
endif()
if(alone AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()`;

/** CMake: checks that all networks of a project use the same kernels, since they share the kernels' library. */
export function cmakeKernelsCheck(name: string, version: string): string {
  return `get_target_property(version phinets_kernels PHINETS_VERSION)
if(NOT version STREQUAL "${version}")
  message(FATAL_ERROR "${name}: its kernels are not those of the project's other networks: export all with one PhiNets")
endif()`;
}
