/** Everything that is no parser: `attempt({ seed, n, folder })` is one trial. */
import { cTargets } from "./c.mjs";
import { hostileTargets } from "./hostile.mjs";
import { killTargets } from "./kills.mjs";

export const trials = [...cTargets, ...killTargets, ...hostileTargets];
