/** Instruction codes; the cases of assembly/interpreter.ts, where the words of each are listed beside its kernel. */
export const opcodes = {
  barrier: 0,
  finishMoments: 1,
  finishGradient: 2,
  prepareNorm: 3,
  reducePartials: 4,
  squaredNorm: 5,
  optimise: 6,
  average: 7,
  trust: 8,
  pointwiseForward: 16,
  pointwiseBackward: 17,
  depthwiseForward: 18,
  depthwiseBackward: 19,
  convForward: 20,
  convBackward: 21,
  groupedForward: 22,
  groupedBackward: 23,
  materialise: 24,
  moments: 25,
  normGradientRows: 26,
  activationGradient: 27,
  globalAveragePool: 28,
  channelDot: 29,
  multiplyMaps: 30,
  sigmoidForward: 31,
  sigmoidGradient: 32,
  softmaxForward: 33,
  softmaxGradient: 34,
  maxPoolForward: 35,
  maxPoolGradient: 36,
  padMaps: 37,
  repack: 38,
  fakeQuantizeForward: 39,
  fakeQuantizeGradient: 40,
  lookupForward: 41,
  lookupGradient: 42,
} as const;

export type Opcode = keyof typeof opcodes;

/** Bits of an operand's flags (assembly/operand.ts). */
export const operandFlags = { norm: 1, imageScale: 2, imageAddend: 4, zero: 8, gradient: 16 } as const;

/** Floats of a block of int8 parameters (assembly/int8.ts). */
export const int8Block = {
  inverse: 0,
  scale: 1,
  lowest: 2,
  highest: 3,
  zero: 4,
  seen: 16,
  shard: 16,
  table: 16,
  slopes: 272,
  /** Of a table's block. */
  tableFloats: 528,
  /** 2^n of each channel, then 2^-n. */
  powers: 144,
} as const;

/** Activation codes (assembly/simd.ts). */
export const activations = { none: 0, relu6: 1, hardswish: 2 } as const;
