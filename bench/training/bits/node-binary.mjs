/** Installs other versions of Node from the npm registry: real binaries, cached in .cache/node. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { arch, execPath, platform, versions } from "node:process";
import { fileURLToPath } from "node:url";

/** Path of a Node of this major version; installs it if necessary. Throws with one line if it cannot be installed. */
export function nodeBinary(major) {
  if (versions.node.startsWith(`${major}.`)) return execPath;
  const system = platform === "win32" ? "win" : platform;
  const name = `${system === "darwin" && arch === "arm64" ? "node-bin" : "node"}-${system}-${arch}`;
  const folder = fileURLToPath(new URL(`../../../.cache/node/${major}/`, import.meta.url));
  const path = `${folder}node_modules/${name}/bin/node${system === "win" ? ".exe" : ""}`;
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const words = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", `${name}@${major}`];
    try {
      execFileSync(system === "win" ? "npm.cmd" : "npm", words, { stdio: ["ignore", "ignore", "pipe"] });
    } catch (error) {
      throw new Error(`npm cannot install ${name}@${major}: ${String(error.stderr).trim().split("\n").at(-1)}`);
    }
  }
  return path;
}
