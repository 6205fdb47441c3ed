/**
 * Runs the benchmarks: `npm run bench` all of them, `npm run bench -- training` one. Results go to stdout as JSON
 * lines; the figures quoted in the documentation are in docs/results.md, with the commands that produced them. Needs
 * `npm run build`.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv.slice(2);
const folders = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
for (const name of wanted) {
  if (folders.includes(name)) continue;
  console.error(`bench: there is no "${name}"; there are ${folders.join(", ")}`);
  process.exit(2);
}
let failed = false;
for (const folder of wanted.length > 0 ? wanted : folders) {
  for (const file of readdirSync(`${here}/${folder}`)
    .filter((name) => name.endsWith(".mjs"))
    .sort()) {
    console.error(`\n# ${folder}/${file}`);
    const { status } = spawnSync(process.execPath, [`${here}/${folder}/${file}`], { stdio: "inherit" });
    failed ||= status !== 0 && status !== 2; // 2: the benchmark needs an argument and has printed its usage
  }
}
process.exit(failed ? 1 : 0);
