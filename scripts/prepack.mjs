/** Before a package is packed: the licence goes beside its package.json, where npm looks for it. */
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

copyFileSync(fileURLToPath(new URL("../LICENSE", import.meta.url)), "LICENSE");
