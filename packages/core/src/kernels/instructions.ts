/**
 * The single definition of the instruction set that the kernels in assembly/ and the writers of their programs share.
 * build.mjs generates the assembly's copy (assembly/instructions.generated.ts) from it, so it contains only plain
 * constants.
 *
 * An instruction consists of its code, its length in words, and named words in order: NAME*8 takes eight words, a final
 * NAME* all remaining ones. Unless stated otherwise, `bytes` is the size of a pixel's channels and `pixels` the number
 * of pixels of an image's map. Values are offsets in a shard's arena, everything else is an address. -1 stands for an
 * unused buffer or gradient, 0 for no bias and no block.
 */

/** Instructions executed once for all shards; codes start at 0. */
export const onceInstructions = {
  barrier: "",
  finishMoments: "block bytes pixels gamma beta epsilon",
  /** rows: rows of the whole batch */
  finishGradient: "block bytes gamma dgamma dbeta rows",
  prepareNorm: "block bytes gamma beta mean variance epsilon",
  /** target = sum over the shards, in order; `bytes`: size of target; sums are `stride` bytes apart */
  reducePartials: "sums stride shards target bytes",
  /** bytes: size of all gradients */
  squaredNorm: "gradients bytes settings",
  /** bytes: size of all parameters; decayed: size of those with weight decay, which come first */
  optimise: "parameters gradients moment1 moment2 bytes decayed settings",
  /** target = decay * target + (1 - decay) * source, `bytes` of each */
  average: "target source bytes settings",
  /** ranges: offset and size in bytes of each tensor */
  trust: "parameters updates settings tensors ranges*",
} as const;

/** Instructions executed by each shard; codes start at `sizes.firstPerShard`. */
export const shardInstructions = {
  /**
   * inputs, outputs: padded channels; weight [inputs][outputs], if `packed` in panels (gemm.ts); chunk: rows per step
   */
  pointwiseForward: "x*8 out weight bias inputs outputs pixels chunk block packed finish*2",
  pointwiseBackward: "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs outputs pixels chunk",
  /**
   * weight [kernel height * width][inputs]; expansion: words of the 1x1 convolution that computes x's rows on demand
   * from its own operand x
   */
  depthwiseForward: "x*8 out weight bias inputs geometry*10 block finish*2 expansion*5",
  depthwiseBackward: "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs geometry*10",
  /** x must be stored; weight [kernel height * width * inputs][outputs] */
  convForward: "x*8 out weight bias inputs geometry*10 block outputs packed finish*2",
  /** x must be stored; the epilogue is unused */
  convBackward: "x*8 dy*8 epilogue*6 dx weight dweight dbias inputs geometry*10 outputs",
  /**
   * x must be stored; channels, filters: without padding; weight [filters][kernel height][kernel width][channels /
   * groups]
   */
  groupedForward: "x*8 out weight bias inputs geometry*10 block outputs groups channels filters",
  /** x and dy must be stored; the epilogue is unused; bytes: size of the weight's gradient */
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
  /** out = a * b; bytes: size of an image */
  multiplyMaps: "a b out bytes",
  sigmoidForward: "x out channels bytes pixels",
  /** out = dy * y * (1 - y); bytes: size of an image */
  sigmoidGradient: "y dy out bytes",
  softmaxForward: "x out channels bytes pixels",
  /** out = y * (dy - sum of y * dy) */
  softmaxGradient: "y dy out bytes pixels",
  /** mean: 0 for the maximum, 1 for the mean of each window's pixels on the map */
  poolForward: "x out bytes geometry*10 mean",
  /** dy goes to the first largest pixel of each window, in row order */
  maxPoolGradient: "x y dy out bytes geometry*10",
  /** dy is spread evenly over the window's pixels on the map */
  averagePoolGradient: "dy out bytes geometry*10",
  /**
   * Copies `channels` bytes of each pixel of a box of rows and columns; cleared: bytes of the target image to zero
   * first. The strides of pixels, rows and images, and the offset of the first pixel from the image's start, are in
   * bytes.
   */
  copyBox:
    "x out rows columns channels sourceAt sourcePixel sourceRow sourceImage targetAt targetPixel targetRow targetImage cleared",
  /** taps: for each output row, then for each output column: two input positions and the second's weight, a float */
  resizeForward: "x out bytes height width outHeight outWidth taps*",
  resizeGradient: "dy out bytes height width outHeight outWidth taps*",
  /** code: `unaryCodes`; bytes: size of an image */
  unaryForward: "x out code alpha bytes",
  /** out = dy * slope at x */
  unaryGradient: "x dy out code alpha bytes",
  /**
   * out = a combined with b (`combinations`), each broadcast where it has one row, column or channel: row, column and
   * channel of each are strides in bytes, 0 where it is broadcast.
   */
  combineMaps:
    "a b out combination rows columns channels bytes aChannel aColumn aRow aImage bChannel bColumn bRow bImage",
  /**
   * Copies `channels` floats of each pixel and zeroes the rest of each target image. The strides of pixels and images
   * are in bytes; place: see `places`.
   */
  repack: "source target pixels channels sourcePixel sourceImage targetPixel targetImage place",
  fakeQuantizeForward: "x*8 out block bytes pixels",
  /** out = dy where round(x / scale) is not clamped */
  fakeQuantizeGradient: "dy*8 x*8 out block bytes pixels",
  lookupForward: "x*8 channels out block bytes pixels",
  /** out = dy * slope */
  lookupGradient: "dy*8 x*8 out block bytes pixels",
} as const;

/** Layouts, in words, floats or doubles, of the structures that instructions refer to; notation as above. */
export const layouts = {
  /** Header of a program. Strides are from shard to shard; that of scratch is from thread to thread. */
  header: "shards arena arenaStride scratch scratchStride partials partialsStride batch code codeEnd",
  /**
   * How a kernel reads a map that may not be stored (assembly/operand.ts). flags: `operandFlags`, activation from bit
   * 8; x, u, scale and addend are values, the last two per image and channel; factor: factor of the addend, a float.
   */
  operand: "flags x u vectors scale addend factor unused",
  /** Work on the cotangent that a kernel computes (assembly/norm.ts). kind: 0 only the addend, 1 everything. */
  epilogue: "kind activation u block scale addend",
  /** What a convolution applies to its sums (assembly/finish.ts). vectors: batch norm's block, 0 for none. */
  finish: "activation vectors",
  /** A 1x1 convolution with `inputs` padded channels, 0 for none; weight in panels. */
  expansion: "inputs weight bias finish*2",
  /** Geometry of a convolution's windows; down, across: strides; top, left: padding. */
  geometry: "height width outHeight outWidth kernelHeight kernelWidth down across top left",
  /**
   * Doubles. kind: `optimizerKinds`; norm is written by the kernels, squares are its partial sums; a limit of 0 means
   * none.
   */
  settings:
    "kind rate momentum beta2 epsilon weightDecay largestNorm nesterov rest1 rest2 norm averageDecay largestRatio unused*3 squares*16",
  /**
   * Floats of a rounded value: `seen` holds the minimum and maximum of each shard; powers: 2^n of each channel, then
   * 2^-n.
   */
  rounding: "inverse scale lowest highest unused*12 seen*128 powers*",
  /** Floats of a table of 256 entries and its slopes, and the inverse scale and zero point (+ 128) of its input. */
  table: "inverse unused*3 zero unused*11 values*256 slopes*256 end*",
} as const;

/** Codes from firstPerShard on are executed by each shard; seenStride: floats per shard in `seen` of `rounding`. */
export const sizes = { firstPerShard: 16, seenStride: 16 } as const;

/** Bits of an operand's flags. */
export const operandFlags = { norm: 1, imageScale: 2, imageAddend: 4, zero: 8, gradient: 16 } as const;

/** swish, x * sigmoid(x), exists only in `finish`. */
export const activations = { none: 0, relu6: 1, hardswish: 2, relu: 3, swish: 4 } as const;

/** Functions of one value (graph/unary.ts), and those needed by gradients. All map 0 to 0, as the padding requires. */
export const unaryCodes = { abs: 0, elu: 1, leakyRelu: 2, reluN1To1: 3, tanh: 4, negate: 5 } as const;

export const combinations = { add: 0, subtract: 1, multiply: 2, maximum: 3, minimum: 4 } as const;

export const optimizerKinds = { sgd: 0, adamw: 1, rmsprop: 2, lamb: 3 } as const;

/**
 * Location of a repack's source and target: both in the arena, or one of them outside, where the whole batch is stored.
 */
export const places = { inside: 0, sourceOutside: 1, targetOutside: 2 } as const;
