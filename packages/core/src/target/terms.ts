/** Terms that the instructions of kernels grow with: the types, and the amounts that several kernels share. */
/** The quantities that a step's cost depends on. */
export interface StepShape {
  /** Rows that the step makes; for a mean, rows that it reads. */
  readonly rows: number;
  /** Pixels per row of the output and of the first input. */
  readonly width: number;
  readonly inputWidth: number;
  /** Channels of the first input and of the output. */
  readonly channels: number;
  readonly filters: number;
  /** Weights per filter; 0 where there are none. */
  readonly products: number;
  /** Height of the window; 1 where there is none. */
  readonly size: number;
  /** Width of the window, where it is not square. */
  readonly sizeAcross?: number;
  readonly stride: number;
  readonly padLeft: number;
  /** Height of the first input, and rows of padding above it. Absent: all windows lie inside the map. */
  readonly inputHeight?: number;
  readonly padTop?: number;
  /** 1 where results are looked up or clamped by a table. */
  readonly table: number;
  /** 1 where a ReLU6 saturates about half of the results. */
  readonly clamped?: number;
  /** 1 where the second input is one factor per channel. */
  readonly broadcast?: number;
  /** Number of inputs. */
  readonly reads?: number;
  /** For a concatenation: inputs that make up a row, and copies per input. */
  readonly parts?: number;
  readonly pixels?: number;
  /** Rows made by one call. Absent: one. */
  readonly batch?: number;
  /** Pixels whose windows a convolution holds at a time. */
  readonly tile?: number;
  /** Blocks of channels that make up a row, each made by a call of its own. Absent: one. */
  readonly blocks?: number;
  /** 1 where a product's weights are bytes, which are unpacked for every quad. */
  readonly bytes?: number;
}

/** Number of calls of the kernel. */
export function callsOf({ rows, batch = 1 }: Pick<StepShape, "rows" | "batch">): number {
  return Math.ceil(rows / batch);
}

/** Amounts that instructions are proportional to, by name, for the whole step. */
export type Terms = Readonly<Record<string, number>>;

export interface KernelRow {
  /** Size of the kernel's C structure on a 32-bit target. */
  readonly structBytes: number;
  /** The kernel whose measured figures apply, for a kernel that calls another. Default: its own. */
  readonly countedAs?: string;
  /** Amounts of a step. `rows` counts calls that make one row, `batches` calls that make several. */
  readonly terms: (shape: StepShape) => Terms;
  /** Bytes of the weights in the kernel's layout. Default: none. */
  readonly weightBytes?: (shape: StepShape) => number;
  /** Bytes of the arrays that the structure points to, apart from weights. Default: none. */
  readonly tableBytes?: (shape: StepShape) => number;
  /** Bytes per channel of the bias, and of multiplier and shift. */
  readonly channelBytes?: { readonly bias: number; readonly requantization: number };
  /** Number of channels with such constants. Default: the filters. */
  readonly constantChannels?: (shape: StepShape) => number;
}

export const quarters = (count: number): number => Math.ceil(count / 4);
export const portableChannel = { bias: 4, requantization: 5 } as const;
export const dspChannel = { bias: 4, requantization: 8 } as const;
export const bytesAsTheyAre = ({ products, filters }: StepShape): number => products * filters;

/**
 * Windows of a layer along one axis: the number of their taps inside the map, and of windows that lie inside
 * completely.
 */
export function along(outputs: number, inputs: number, size: number, stride: number, before: number) {
  let taps = 0;
  let whole = 0;
  for (let i = 0; i < outputs; i++) {
    const first = i * stride - before;
    const inside = Math.max(0, Math.min(inputs, first + size) - Math.max(0, first));
    taps += inside;
    if (inside === size) whole++;
  }
  return { taps, whole };
}

export const linesOf = ({ rows, inputHeight, size, stride, padTop = 0 }: StepShape) =>
  inputHeight === undefined ? { taps: rows * size, whole: rows } : along(rows, inputHeight, size, stride, padTop);
export const columnsOf = ({ width, inputWidth, size, sizeAcross = size, stride, padLeft }: StepShape) =>
  along(width, inputWidth, sizeAcross, stride, padLeft);

/** Outputs of one channel that the portable kernels compute at a time: PHINETS_RUN of firmware/kernels/output.h. */
export const run = 64;

/** Runs per row on a Cortex-M0, whose buffer holds the pixels' products: `run_of` of firmware/kernels/armv6m.c. */
export function packedRuns(width: number, products: number): number {
  const pairs = Math.ceil(products / 2);
  const most = Math.min(run, 2 * Math.floor((1024 - pairs) / pairs / 2));
  return most < 2 ? 0 : Math.ceil(width / most);
}

/** Sums of a map's rows, and the final step for each channel. */
export const sumsOf = ({ rows, inputWidth, channels }: StepShape): Terms => ({
  rows,
  loops: rows * quarters(inputWidth),
  quads: rows * channels * Math.floor(inputWidth / 4),
  rest: rows * channels * (inputWidth % 4),
  channels,
});

export const sixteens = (count: number): number => Math.ceil(count / 16);

export const valuesOf = ({ rows, width, filters }: StepShape): Terms => ({
  rows,
  values: rows * width * filters,
});

/** Windows that may reach beyond the map. */
export const pooled: KernelRow = {
  structBytes: 40,
  terms: (shape) => {
    const { rows, width, filters } = shape;
    const lines = linesOf(shape).taps;
    return {
      rows,
      pixels: rows * width,
      values: rows * width * filters,
      lines: lines * width * filters,
      taps: lines * columnsOf(shape).taps * filters,
    };
  },
};

/** A resize has one tap per row and per column. */
export const resized: KernelRow = {
  structBytes: 16,
  terms: ({ rows, width, filters }) => ({ rows, pixels: rows * width, values: rows * width * filters }),
  tableBytes: ({ rows, width }) => 4 * (Math.ceil((6 * rows) / 4) + Math.ceil((6 * width) / 4)),
};
