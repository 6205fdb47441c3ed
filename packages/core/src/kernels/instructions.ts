/**
 * What the kernels of assembly/ and those who write their programs agree on, said once: build.mjs makes the assembly's copy
 * (assembly/instructions.generated.ts) of it, so these are plain constants.
 *
 * An instruction is its code, its length in words, and words by name, in order: NAME*8 takes eight, a last NAME* all that
 * follow. `bytes` are of a pixel's channels and `pixels` of an image's map unless said otherwise. Values are offsets in a
 * shard's arena, everything else addresses. -1 stands for what an instruction does without, 0 for no bias and no block.
 */

/** Done once for all shards; codes from 0. */
export const onceInstructions = {
  barrier: "",
  finishMoments: "block bytes pixels gamma beta epsilon",
  /** rows: of the batch */
  finishGradient: "block bytes gamma dgamma dbeta rows",
  prepareNorm: "block bytes gamma beta mean variance epsilon",
  /** target = sum over shards, in order; `bytes` of it, sums `stride` bytes apart */
  reducePartials: "sums stride shards target bytes",
  /** bytes: of all gradients */
  squaredNorm: "gradients bytes settings",
  /** bytes: of all parameters; decayed: of those that come first and have weight decay */
  optimise: "parameters gradients moment1 moment2 bytes decayed settings",
  /** target = decay * target + (1 - decay) * source, `bytes` of each */
  average: "target source bytes settings",
  /** ranges: offset and bytes of each tensor */
  trust: "parameters updates settings tensors ranges*",
} as const;

/** Done by each shard; codes from `sizes.firstPerShard`. */
export const shardInstructions = {
  /** inputs, outputs: padded channels; weight [inputs][outputs], packed: in panels (gemm.ts); chunk: rows at a time */
  pointwiseForward: "x*8 out weight bias inputs outputs pixels chunk block packed finish*2",
  pointwiseBackward: "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs outputs pixels chunk",
  /**
   * weight [kernel height * width][inputs]; expansion: words of the 1x1 convolution that makes x's rows as they are needed, from
   * the operand x that is its own
   */
  depthwiseForward: "x*8 out weight bias inputs geometry*10 block finish*2 expansion*5",
  depthwiseBackward: "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs geometry*10",
  /** x is stored; weight [kernel height * width * inputs][outputs] */
  convForward: "x*8 out weight bias inputs geometry*10 block outputs packed finish*2",
  /** x is stored; the epilogue is not used */
  convBackward: "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs geometry*10 outputs",
  /** x is stored; channels, filters: without padding; weight [filters][kernel height][kernel width][channels / groups] */
  groupedForward: "x*8 out weight bias inputs geometry*10 block outputs groups channels filters",
  /** x and dy are stored; the epilogue is not used; bytes: of the weight's gradient */
  groupedBackward:
    "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs geometry*10 outputs groups channels filters bytes",
  materialise: "x*8 out addend bytes pixels",
  moments: "u block bytes pixels",
  normGradientRows: "dy*8 epilogue*6 out bytes pixels",
  /** out = dy * act'(z) */
  activationGradient: "dy*8 z*8 out activation bytes pixels",
  globalAveragePool: "x*8 out bytes pixels",
  /** out[n, c] = sum over the map of x * dy */
  channelDot: "x*8 dy out bytes pixels",
  /** out = a * b; bytes: of an image */
  multiplyMaps: "a b out bytes",
  sigmoidForward: "x out channels bytes pixels",
  /** out = dy * y * (1 - y); bytes: of an image */
  sigmoidGradient: "y dy out bytes",
  softmaxForward: "x out channels bytes pixels",
  /** out = y * (dy - sum of y * dy) */
  softmaxGradient: "y dy out bytes pixels",
  /** mean: 0 for the largest, 1 for the mean, of each window's pixels on the map */
  poolForward: "x out bytes geometry*10 mean",
  /** to the first largest pixel of each window, in row order */
  maxPoolGradient: "x y dy out bytes geometry*10",
  /** to each pixel of a window on the map alike */
  averagePoolGradient: "dy out bytes geometry*10",
  /**
   * Copies `channels` bytes of each pixel of a box of rows and columns; cleared: bytes of the target image that are zeroed
   * first. Pixels, rows and images lie so many bytes apart, the first pixel so many behind the image's start.
   */
  copyBox:
    "x out rows columns channels sourceAt sourcePixel sourceRow sourceImage targetAt targetPixel targetRow targetImage cleared",
  /** taps: of each row, then of each column of the output: two places in the input and the second's weight, a float */
  resizeForward: "x out bytes height width outHeight outWidth taps*",
  resizeGradient: "dy out bytes height width outHeight outWidth taps*",
  /** code: `unaryCodes`; bytes: of an image */
  unaryForward: "x out code alpha bytes",
  /** out = dy * slope at x */
  unaryGradient: "x dy out code alpha bytes",
  /**
   * out = a combined with b (`combinations`), each repeated where it has one row, column or channel: row, column, channel of
   * either are the bytes from one to the next, 0 where it is repeated.
   */
  combineMaps:
    "a b out combination rows columns channels bytes aChannel aColumn aRow aImage bChannel bColumn bRow bImage",
  /**
   * Copies `channels` floats of each pixel; the rest of each target image is zeroed. Pixels and images lie so many bytes
   * apart; place: see `places`.
   */
  repack: "source target pixels channels sourcePixel sourceImage targetPixel targetImage place",
  fakeQuantizeForward: "x*8 out block bytes pixels",
  /** out = dy where round(x / scale) is not clamped */
  fakeQuantizeGradient: "dy*8 x*8 out block bytes pixels",
  lookupForward: "x*8 channels out block bytes pixels",
  /** out = dy * slope */
  lookupGradient: "dy*8 x*8 out block bytes pixels",
} as const;

/** Words, floats or doubles of what instructions refer to, by name as above. */
export const layouts = {
  /** Of a program. Strides are from shard to shard, of scratch from thread to thread. */
  header: "shards arena arenaStride scratch scratchStride partials partialsStride batch code codeEnd",
  /**
   * How a kernel reads a map that may not exist (assembly/operand.ts). flags: `operandFlags`, activation from bit 8; x, u,
   * scale and addend are values, the last two per image and channel; factor: of the addend, a float.
   */
  operand: "flags x u vectors scale addend factor unused",
  /** Work on the cotangent that a kernel makes (assembly/norm.ts). kind: 0 none but the addend, 1 all. */
  epilogue: "kind activation u block scale addend",
  /** What a convolution does to its sums (assembly/finish.ts). vectors: batch norm's block, 0 for none. */
  finish: "activation vectors",
  /** A 1x1 convolution of so many padded channels, 0: none; weight in panels. */
  expansion: "inputs weight bias finish*2",
  /** Where a convolution's windows lie; down, across: strides; top, left: padding. */
  geometry: "height width outHeight outWidth kernelHeight kernelWidth down across top left",
  /** Doubles. kind: `optimizerKinds`; norm is written, squares are its parts; a largest of 0: none. */
  settings:
    "kind rate momentum beta2 epsilon weightDecay largestNorm nesterov rest1 rest2 norm averageDecay largestRatio unused*3 squares*16",
  /** Floats of a rounded value: `seen` holds smallest and largest of each shard, powers 2^n of each channel, then 2^-n. */
  rounding: "inverse scale lowest highest unused*12 seen*128 powers*",
  /** Floats of a table of 256 entries and its slopes; inverse and zero point (+ 128) of its input. */
  table: "inverse unused*3 zero unused*11 values*256 slopes*256 end*",
} as const;

/** Codes from firstPerShard on are done by each shard; seenStride: floats from shard to shard in `rounding`'s seen. */
export const sizes = { firstPerShard: 16, seenStride: 16 } as const;

/** Bits of an operand's flags. */
export const operandFlags = { norm: 1, imageScale: 2, imageAddend: 4, zero: 8, gradient: 16 } as const;

/** swish, x * sigmoid(x): in `finish` alone. */
export const activations = { none: 0, relu6: 1, hardswish: 2, relu: 3, swish: 4 } as const;

/** Functions of one value (graph/unary.ts), and what gradients need. All are 0 at 0, as padding is. */
export const unaryCodes = { abs: 0, elu: 1, leakyRelu: 2, reluN1To1: 3, tanh: 4, negate: 5 } as const;

export const combinations = { add: 0, subtract: 1, multiply: 2, maximum: 3, minimum: 4 } as const;

export const optimizerKinds = { sgd: 0, adamw: 1, rmsprop: 2, lamb: 3 } as const;

/** Where a repack's source and target lie: in the arena, or one of them outside, where the whole batch lies. */
export const places = { inside: 0, sourceOutside: 1, targetOutside: 2 } as const;
