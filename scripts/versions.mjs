/**
 * Writes one version into every package, and into what they ask of each other.
 *
 * Usage: node scripts/versions.mjs 1.2.3 [--check]
 * --check writes nothing and fails where a package has another.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [version, ...options] = process.argv.slice(2);
if (!/^\d+\.\d+\.\d+(-[0-9a-z.-]+)?$/.test(version ?? "")) {
  console.error(`versions: ${version ?? "no version"} is not a version; write it as 1.2.3 or 1.2.3-beta.1`);
  process.exit(2);
}
const files = ["package.json", "firmware/package.json", "models/package.json"].concat(
  readdirSync(`${root}packages`).map((name) => `packages/${name}/package.json`),
);
const packages = files.map((file) => ({ file, json: JSON.parse(readFileSync(root + file, "utf8")) }));
const names = new Set(packages.map(({ json }) => json.name));
const wrong = [];
for (const { file, json } of packages) {
  const set = (holder, key, where) => {
    if (holder[key] !== version) wrong.push(`${file}: ${where} is ${holder[key]}`);
    holder[key] = version;
  };
  set(json, "version", "version");
  for (const kind of ["dependencies", "devDependencies", "peerDependencies"])
    for (const name of Object.keys(json[kind] ?? {})) if (names.has(name)) set(json[kind], name, `${kind}.${name}`);
}
if (options.includes("--check")) {
  for (const line of wrong) console.error(`versions: ${line}, not ${version}`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
for (const { file, json } of packages) writeFileSync(root + file, `${JSON.stringify(json, undefined, 2)}\n`);
const { status } = spawnSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], {
  cwd: root,
  stdio: "inherit",
  shell: process.platform === "win32",
});
process.exit(status ?? 1);
