import { spawnSync } from "node:child_process";

/**
 * Whether all programs are installed, for `describe.skipIf(!installed(...))`. On CI a missing one is an error, because
 * tests that need it have to run there.
 */
export function installed(...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => spawnSync(program, ["--version"]).error !== undefined);
  if (missing.length === 0) return true;
  const message = `${missing.join(", ")} not installed; \`npm run setup\` installs what the tests need`;
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}
