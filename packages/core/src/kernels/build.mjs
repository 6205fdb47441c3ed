/**
 * Compiles AssemblyScript to WebAssembly modules and writes each as text to a file: assembly/ (training and float
 * inference) as the reference module, whose bits are the same everywhere, and as the fast module, which may fuse
 * multiply and add (relaxed SIMD); assembly-int8/ (int8 inference) and assembly-resample/ with private memory, so that
 * pages need no cross-origin isolation. Does nothing if the sources have not changed.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("./", import.meta.url);
const common = "--optimizeLevel 3 --converge --noAssert --runtime stub --enable simd";
const shared = `${common} --shrinkLevel 0 --enable threads --importMemory --noExportMemory --sharedMemory --initialMemory 16 --maximumMemory 65536`;
const modules = {
  wasm: { sources: "assembly", options: shared },
  "wasm-fast": { sources: "assembly", options: `${shared} --enable relaxed-simd` },
  "wasm-int8": { sources: "assembly-int8", options: `${common} --shrinkLevel 1 --initialMemory 1` },
  "wasm-resample": { sources: "assembly-resample", options: `${common} --shrinkLevel 0 --initialMemory 1` },
};

/**
 * The character that code.ts decodes to this byte. The offset of 6 makes fewer of the frequent bytes take two bytes in
 * UTF-8.
 */
function characterOf(byte) {
  const n = (byte + 6) & 255;
  return String.fromCharCode(n < 94 ? n + 33 : n + 67);
}

function readSources(name) {
  const sourceFolder = new URL(`${name}/`, folder);
  return Object.fromEntries(
    readdirSync(sourceFolder)
      .filter((file) => file.endsWith(".ts"))
      .sort()
      .map((file) => [file, readFileSync(new URL(file, sourceFolder), "utf8")]),
  );
}

/**
 * The assembly's copy of instructions.ts, which contains only constants and, without `as const`, is valid JavaScript.
 */
async function assemblyInstructions() {
  const source = readFileSync(new URL("instructions.ts", folder), "utf8").replaceAll(" as const", "");
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  const { onceInstructions, shardInstructions, layouts, ...constants } = await import(url);
  const opcode = Object.fromEntries([
    ...Object.keys(onceInstructions).map((name, i) => [name, i]),
    ...Object.keys(shardInstructions).map((name, i) => [name, constants.sizes.firstPerShard + i]),
  ]);
  const enums = { opcode, ...constants };
  for (const [name, layout] of Object.entries({ ...onceInstructions, ...shardInstructions, ...layouts })) {
    enums[name] = {};
    let at = 0;
    for (const [word, count = 1] of layout.split(" ").map((each) => each.split("*"))) {
      if (word !== "" && word !== "unused") enums[name][word] = at;
      at += Number(count);
    }
  }
  const { geometry, ...others } = enums;
  const fields = Object.keys(geometry).map((field) => ` ${field}: i32;`);
  const lines = Object.entries(others).map(([name, members]) => {
    const values = Object.entries(members).map(([member, value]) => ` ${member} = ${value},`);
    return `export const enum ${name[0].toUpperCase()}${name.slice(1)} {${values.join("")} }`;
  });
  return `// Made by build.mjs from ../instructions.ts; do not edit.
${lines.join("\n")}
// @ts-ignore: decorator
@unmanaged
export class Geometry {${fields.join("")} }
`;
}

const copy = new URL("assembly/instructions.generated.ts", folder);
const text = await assemblyInstructions();
if (!existsSync(copy) || readFileSync(copy, "utf8") !== text) writeFileSync(copy, text);

for (const [name, { sources: from, options }] of Object.entries(modules)) {
  const sources = readSources(from);
  const target = new URL(`${name}.generated.ts`, folder);
  const hash = createHash("sha256")
    .update(JSON.stringify([sources, options, readFileSync(fileURLToPath(import.meta.url), "utf8")]))
    .digest("hex");
  if (existsSync(target) && readFileSync(target, "utf8").includes(hash)) continue;
  const { default: asc } = await import("assemblyscript/asc");
  let wasm;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "out.wasm", ...options.split(" ")], {
    readFile: (file) => sources[file] ?? null,
    writeFile: (_, contents) => {
      wasm = contents;
    },
    listFiles: () => [],
  });
  const messages = stderr.toString();
  if (messages !== "") process.stderr.write(messages);
  if (error || wasm === undefined) {
    console.error(`kernels: ${error?.message ?? "no module was written"}`);
    process.exit(1);
  }
  const text = JSON.stringify(Array.from(wasm, characterOf).join(""));
  const sha256 = createHash("sha256").update(wasm).digest("hex");
  writeFileSync(
    target,
    `// Made by build.mjs from ${from}/; do not edit. Sources: ${hash}\nexport const wasmSha256 = "${sha256}";\nexport const wasmText =\n  ${text};\n`,
  );
  console.error(`kernels: ${name} ${wasm.length} bytes`);
}
