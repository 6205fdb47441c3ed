/** Lowers pooling whose windows may extend past the map (kernels/assembly/windows.ts). */
import { arrange, layouts } from "../../kernels/index.js";
import type { TrainingNodeOf } from "../differentiate.js";
import type { ProgramBuilder } from "./builder.js";
import { stored } from "./maps.js";

type PoolNode = TrainingNodeOf<"averagePool"> | TrainingNodeOf<"maxPool"> | TrainingNodeOf<"maxWindow">;
type MaxPoolGrad = TrainingNodeOf<"maxPoolGrad"> | TrainingNodeOf<"maxWindowGrad">;
type PoolGrad = TrainingNodeOf<"averagePoolGrad"> | MaxPoolGrad;

/** Geometry of a pool's windows. */
function geometry(builder: ProgramBuilder, node: PoolNode | PoolGrad, [x, y]: readonly string[]) {
  const { attributes } = node;
  const { kernel, stride, padding } = "kernel" in attributes ? attributes : square(attributes);
  const [, height, width] = builder.graph.shapes[x];
  const [, outHeight, outWidth] = builder.graph.shapes[y];
  const [kernelHeight, kernelWidth] = kernel;
  const [down, across] = stride;
  const { top, left } = padding;
  return arrange<typeof layouts.geometry, number>(layouts.geometry, {
    ...{ height, width, outHeight, outWidth, kernelHeight, kernelWidth, down, across, top, left },
  });
}

function square({ size, stride }: { readonly size: number; readonly stride: number }) {
  return { kernel: [size, size], stride: [stride, stride], padding: { top: 0, left: 0 } } as const;
}

export function pool(builder: ProgramBuilder, node: PoolNode): void {
  const bytes = builder.layout(node.name).stride * 4;
  const windows = geometry(builder, node, [node.inputs[0], node.name]);
  stored(builder, node, "poolForward", { bytes, geometry: windows, mean: node.op === "averagePool" ? 1 : 0 });
}

export function maxPoolGrad(builder: ProgramBuilder, node: MaxPoolGrad): void {
  const bytes = builder.layout(node.name).stride * 4;
  stored(builder, node, "maxPoolGradient", { bytes, geometry: geometry(builder, node, node.inputs) });
}

export function averagePoolGrad(builder: ProgramBuilder, node: TrainingNodeOf<"averagePoolGrad">): void {
  const bytes = builder.layout(node.name).stride * 4;
  const windows = geometry(builder, node, [node.name, node.inputs[0]]);
  stored(builder, node, "averagePoolGradient", { bytes, geometry: windows });
}
