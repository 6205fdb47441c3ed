/**
 * A sweep of a few seconds, to be killed: six settings of a tiny network on pictures of a conveyor belt, with halving.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeConveyorDataset } from "@phinets/node/dataset";

/**
 * Writes the data set, the network and sweep.yaml.
 * @param root an empty folder
 * @param epochs epochs of the trials that train to the end
 * @param more further lines of sweep.yaml
 * @returns path of sweep.yaml
 */
export async function writeTinySweep(root, { epochs, more = "" }) {
  const size = { height: 48, width: 64 };
  await writeConveyorDataset(join(root, "data"), { seed: 3, train: 32, val: 8, clipFrames: 8, size });
  const head = { kind: "yolov2", classes: 1, filters: 16 };
  const network = { family: "phinet", input: size, alpha: 0.15, blocks: 4, downsampling: [4], head };
  writeFileSync(join(root, "network.json"), JSON.stringify(network));
  const file = join(root, "sweep.yaml");
  writeFileSync(
    file,
    `data: data
network: network.json
epochs: ${epochs}
batch: 8
space:
  lr: {min: 0.001, max: 0.02, scale: log}
  warmupSteps: [0, 4]
search: asha
trials: 6
reduction: 2
${more}`,
  );
  return file;
}
