/** Lays a network's C out as the folder that a build system expects. Works purely on texts. */
import { PhinetsError } from "../../../tensor/index.js";
import { arduino } from "./arduino.js";
import { cmake } from "./cmake.js";
import { espIdf } from "./esp-idf.js";
import type { CNetwork, Files, Firmware, Layout } from "./network.js";
import { plain } from "./plain.js";
import { zephyr } from "./zephyr.js";

export { type CNetwork, type Files, type Firmware, sharedFolders } from "./network.js";
export { exportMark, stackUse } from "./readme.js";

const layouts = { zephyr, "esp-idf": espIdf, arduino, cmake } satisfies Record<string, Layout>;

export type BuildSystem = keyof typeof layouts;

/** Build systems with a layout of their own. */
export const buildSystems = Object.keys(layouts) as BuildSystem[];

/**
 * Lays a network out for a build system. Without one, the folder suits any project: all sources side by side, build
 * files for CMake and make, and the files for an image of the board.
 * Throws PhinetsError where `emitC` does, and for a name that the kernels use themselves.
 * @returns texts by path
 */
export function layOutC(network: CNetwork, firmware: Firmware, system?: BuildSystem): Files {
  const { name } = network;
  if (/^phinets_/i.test(name))
    throw new PhinetsError(
      "export.name",
      `name ${JSON.stringify(name)} begins as the kernels' own names do; use another than phinets_...`,
    );
  return (system === undefined ? plain : layouts[system])(network, firmware);
}
