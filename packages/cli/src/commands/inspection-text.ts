/** Formats an inspection as text. */
import type { Inspection } from "@phinets/core/cost";
import { type Network, networkSummary } from "@phinets/core/networks";
import {
  formatBytes,
  formatCount,
  formatMacs,
  formatMs,
  formatPairs,
  formatPercent,
  formatTable,
} from "@phinets/node/text";

type Target = NonNullable<Inspection["target"]>;

/** @param layers also list every layer */
export function inspectionText(network: Network, inspection: Inspection, layers = false): string {
  const { target } = inspection;
  const parts = [costs(network, inspection), ...(inspection.blocks.length > 0 ? [blockTable(inspection)] : [])];
  if (layers) parts.push(layerTable(inspection));
  if (target !== undefined) {
    if (layers) parts.push(runTable(target));
    parts.push(share(target), flashBytes(target), ramBytes(target));
  }
  return parts.join("\n\n");
}

const size = (shape: readonly number[]): string => shape.join("x");

function costs(network: Network, inspection: Inspection): string {
  const { height, width, channels } = network.input;
  const { arenaBytes, arenaLowerBoundBytes, arenaUnplannedBytes, macs } = inspection;
  const alive =
    arenaBytes === arenaLowerBoundBytes
      ? "all in use at once"
      : `at most ${formatBytes(arenaLowerBoundBytes)} in use at once`;
  return formatPairs([
    [network.family, networkSummary(network)],
    ["input", `${height}x${width}x${channels}`],
    [
      "output",
      `${inspection.outputs.map(({ shape }) => size(shape)).join(", ")} (${network.head.kind === "none" ? "features" : network.head.kind})`,
    ],
    ["parameters", formatCount(inspection.parameters)],
    ["MACs", `${formatCount(macs)} (${formatMacs(macs)})`],
    ["weights", `${formatBytes(inspection.weightsBytes)} for the int8 network, in flash`],
    [
      "arena",
      `${formatBytes(arenaBytes)} of activations in RAM; ${alive}, ${formatBytes(arenaUnplannedBytes)} without planning`,
    ],
  ]);
}

function blockTable({ blocks }: Inspection): string {
  return formatTable(
    ["block", "input", "hidden", "output", "kernel", "stride", "skip"],
    blocks.map((block) => [
      block.id,
      size(block.input),
      block.hidden,
      size(block.output),
      `${block.kernel}x${block.kernel}`,
      block.stride,
      block.skip ? "yes" : "",
    ]),
  );
}

function layerTable({ layers }: Inspection): string {
  return formatTable(
    ["layer", "op", "output", "parameters", "MACs"],
    layers.map(({ name, op, output, parameters, macs }) => [
      name,
      op,
      size(output),
      formatCount(parameters),
      formatCount(macs),
    ]),
  );
}

/** Table of the layers as they run on the board. */
function runTable({ layers }: Target): string {
  return formatTable(
    ["runs", "op", "output", { title: "address", align: "right" }, "bytes", "instructions", "ms", "mJ"],
    layers.map((layer) => [
      layer.name,
      layer.op,
      size(layer.output),
      layer.address < 0 ? "output" : `0x${layer.address.toString(16).padStart(8, "0")}`,
      formatCount(layer.bytes),
      formatCount(layer.instructions),
      bandText(layer.latencyMs),
      bandText(layer.energyMj),
    ]),
  );
}

/** Shares of the board's resources that the network takes. */
function share(target: Target): string {
  const part = (used: number, of: number): string =>
    `${formatBytes(used)} of ${formatBytes(of)} (${formatPercent(used / of)})${used > of ? `, ${formatBytes(used - of)} too much` : ""}`;
  const { name, fits, latencyMs, energyBandMj, atPower, banks } = target;
  const used = banks.length > 1 ? banks.filter(({ bytes }) => bytes > 0) : [];
  return formatPairs([
    [name, fits ? "fits" : "does not fit"],
    ["RAM", part(target.ramBytes, target.ramBudgetBytes)],
    ...used.map(({ region, bytes, budgetBytes }) => [`  ${region}`, part(bytes, budgetBytes)] as const),
    ["flash", part(target.flashBytes, target.flashBudgetBytes)],
    ["latency", `${latencyMs.map(formatMs).join(" to ")}, estimated`],
    ["energy", `${energyBandMj.map((mj) => mj.toFixed(1)).join(" to ")} mJ an inference, estimated`],
    ...(atPower === undefined ? [] : [["power", powerText(atPower)] as const]),
  ]);
}

function flashBytes({ flash }: Target): string {
  const { weights, descriptions, decoder, follower, kernels, program, total, measured } = flash;
  const image = measured ? ", within 1 %" : ", estimated with the code sizes of another core";
  return formatPairs([
    ["weights", formatCount(weights.weights)],
    ["biases", formatCount(weights.biases)],
    ["requantisation", formatCount(weights.requantization)],
    ["look-up tables", formatCount(weights.tables)],
    ["layers", formatCount(descriptions)],
    ...(follower > 0 ? [["detect, track", formatCount(decoder + follower)] as const] : []),
    ["kernels", formatCount(kernels)],
    ["program", formatCount(program)],
    ["flash, bytes", `${formatCount(total)} of the linked image${image}`],
  ]);
}

function ramBytes({ ram }: Target): string {
  return formatPairs([
    ["arena", `${formatCount(ram.arena)}, the input's ${formatCount(ram.input)} among them`],
    ["output", formatCount(ram.output)],
    ...(ram.follower > 0 ? [["boxes, tracks", formatCount(ram.follower)] as const] : []),
    ["stack", formatCount(ram.stack)],
    ["RAM, bytes", formatCount(ram.total)],
  ]);
}

/** Both ends with three digits. */
function bandText([low, high]: readonly [number, number]): string {
  return high === 0 ? "" : `${low.toPrecision(3)} to ${high.toPrecision(3)}`;
}

/** What a power budget allows, as text. */
export function powerText({ powerMw, framesPerSecond: [low, high] }: NonNullable<Target["atPower"]>): string {
  if (high === 0) return `${powerMw} mW are less than the board needs while asleep`;
  return `${low.toPrecision(3)} to ${high.toPrecision(3)} frames a second at ${powerMw} mW, asleep in between, estimated`;
}
