import { readFileSync } from "node:fs";

let version: string | undefined;

/** Version of phinets, from package.json. */
export function ownVersion(): string {
  version ??= (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string })
    .version;
  return version;
}
