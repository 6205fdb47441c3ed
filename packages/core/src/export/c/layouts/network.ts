/** What a layout is made of, and what all of them share: texts by path in, texts by path out. */
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
  /** `firmwareProgram`'s for the target. */
  readonly program: Program;
}

/** The sources that every network shares. */
export interface Firmware {
  /** By path below the package @phinets/firmware: "kernels/conv2d.c", "boards/host/main.c". */
  readonly files: Files;
  /** A digest of the kernels: networks of one program must have the same. */
  readonly version: string;
}

/** A folder for one build system. */
export type Layout = (network: CNetwork, firmware: Firmware) => Files;

/** Folders of the firmware that belong to every program. */
export const sharedFolders = ["kernels", "kernels/dsp", "kernels/helium", "detect", "track", "follow", "wire"] as const;

const source = /\.[cS]$/;
/** What an application includes, and what that includes. */
const publicHeader = /(?:_model|^phinets_(?:program|detect|track|follow|wire))\.h$/;

/** `{"<name>_model.c", "<name>_model.h"}`. */
export function modelOf({ q, ...options }: CNetwork): Files {
  return emitC(q, options);
}

/** The sources of a folder of the firmware, as files of `to`. */
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

/** Files that a compiler is given, in the order of their names within each folder. */
export function unitsOf(files: Files, to = ""): string[] {
  return Object.keys(below(to, files)).filter((file) => source.test(file));
}

/** Files as those of a folder. */
export function below(folder: string, files: Files): Record<string, string> {
  if (folder === "") return { ...files };
  return Object.fromEntries(Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text]));
}

/** include/: what an application sees; src/: the rest. */
export function includeAndSource(files: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([file, text]) => [`${publicHeader.test(file) ? "include" : "src"}/${file}`, text]),
  );
}

/** A program's texts with the model's names as they are in this folder. */
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

/** What an example of every build system does: a picture in, what the network finds out as text. */
export function exampleOf(firmware: Firmware, system: string, name: string): Files {
  return named({ ...sourcesOf(firmware, "examples"), ...sourcesOf(firmware, `examples/${system}`) }, name);
}

/** For files of other programs. */
export function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/** CMake: the languages, and in `alone` whether the folder is a project by itself, which then gets a build type. */
export const cmakeBegin = `if(NOT MSVC) # whose .S files would be empty
  enable_language(ASM)
endif()

set(alone OFF)
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  set(alone ON)
endif()
if(alone AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()`;

/** CMake: the kernels' library is that of the project's other networks too, so it must be the same. */
export function cmakeKernelsCheck(name: string, version: string): string {
  return `get_target_property(version phinets_kernels PHINETS_VERSION)
if(NOT version STREQUAL "${version}")
  message(FATAL_ERROR "${name}: its kernels are not those of the project's other networks: export all with one PhiNets")
endif()`;
}
