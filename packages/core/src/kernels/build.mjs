/**
 * Compiles assembly/*.ts (AssemblyScript) to two WebAssembly modules and writes each, in base64, to a file: the reference,
 * whose bits are the same everywhere, and the fast one, which may fuse multiply and add (relaxed SIMD). Does nothing
 * when the sources have not changed.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("./", import.meta.url);
const sourceFolder = new URL("assembly/", folder);
const shared = [
  "--optimizeLevel 3 --shrinkLevel 0 --converge --noAssert --runtime stub",
  "--enable simd --enable threads --importMemory --noExportMemory --sharedMemory",
  "--initialMemory 16 --maximumMemory 65536",
].join(" ");
const modules = { wasm: shared, "wasm-fast": `${shared} --enable relaxed-simd` };

const sources = Object.fromEntries(
  readdirSync(sourceFolder)
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => [name, readFileSync(new URL(name, sourceFolder), "utf8")]),
);

for (const [name, options] of Object.entries(modules)) {
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
  const base64 = Buffer.from(wasm).toString("base64");
  const sha256 = createHash("sha256").update(wasm).digest("hex");
  writeFileSync(
    target,
    `// Made by build.mjs from assembly/; do not edit. Sources: ${hash}\nexport const wasmSha256 = "${sha256}";\nexport const wasmBase64 =\n  "${base64}";\n`,
  );
  console.error(`kernels: ${name} ${wasm.length} bytes`);
}
