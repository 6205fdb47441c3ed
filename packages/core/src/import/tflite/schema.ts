/**
 * Numbers of .tflite's schema (tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3), shared by import and
 * export: slots of tables' fields, enumerators, and the oldest version of each operator that supports int8.
 */

export const identifier = "TFL3";
export const schemaVersion = 3;

export const slots = {
  model: { version: 0, operatorCodes: 1, subgraphs: 2, description: 3, buffers: 4, metadata: 6 },
  operatorCode: { deprecatedBuiltinCode: 0, customCode: 1, version: 2, builtinCode: 3 },
  subgraph: { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 },
  tensor: { shape: 0, type: 1, buffer: 2, name: 3, quantization: 4, isVariable: 5, shapeSignature: 7 },
  quantization: { scale: 2, zeroPoint: 3, quantizedDimension: 6 },
  buffer: { data: 0, offset: 1, size: 2 },
  metadata: { name: 0, buffer: 1 },
  operator: { opcodeIndex: 0, inputs: 1, outputs: 2, optionsType: 3, options: 4 },
  conv2d: { padding: 0, strideWidth: 1, strideHeight: 2, activation: 3, dilationWidth: 4, dilationHeight: 5 },
  depthwise: {
    ...{ padding: 0, strideWidth: 1, strideHeight: 2, depthMultiplier: 3, activation: 4 },
    ...{ dilationWidth: 5, dilationHeight: 6 },
  },
  pool: { padding: 0, strideWidth: 1, strideHeight: 2, filterWidth: 3, filterHeight: 4, activation: 5 },
  fullyConnected: { activation: 0, weightsFormat: 1, keepDims: 2 },
  /** ADD, MUL and SUB. */
  elementwise: { activation: 0 },
  reducer: { keepDims: 0 },
  concatenation: { axis: 0, activation: 1 },
  split: { count: 0 },
  stridedSlice: { beginMask: 0, endMask: 1, ellipsisMask: 2, newAxisMask: 3, shrinkAxisMask: 4 },
  unpack: { count: 0, axis: 1 },
  resizeBilinear: { alignCorners: 2, halfPixelCenters: 3 },
  resizeNearest: { alignCorners: 0, halfPixelCenters: 1 },
  reshape: { newShape: 0 },
  squeeze: { axes: 0 },
  pack: { count: 0, axis: 1 },
  /** DEPTH_TO_SPACE and SPACE_TO_DEPTH. */
  blocks: { size: 0 },
  /** 0: REFLECT, 1: SYMMETRIC. */
  mirrorPad: { mode: 0 },
  softmax: { beta: 0 },
  leakyRelu: { alpha: 0 },
} as const;

/** Names by tensor type number. */
export const tensorTypeNames = [
  ...["float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8"],
  ...["float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16"],
] as const;
export const tensorTypes = { float32: 0, int32: 2, int8: 9 } as const;
export const paddings = { same: 0, valid: 1 } as const;
export const activations = { none: 0, relu: 1, reluN1To1: 2, relu6: 3, tanh: 4, signBit: 5 } as const;

/** Operators that can be written: code, version, and type of their options (0: none). */
export const operators = {
  add: { code: 0, version: 2, options: 11 },
  averagePool2d: { code: 1, version: 2, options: 5 },
  concatenation: { code: 2, version: 2, options: 10 },
  conv2d: { code: 3, version: 3, options: 1 },
  depthwiseConv2d: { code: 4, version: 3, options: 2 },
  fullyConnected: { code: 9, version: 4, options: 8 },
  logistic: { code: 14, version: 2, options: 0 },
  maxPool2d: { code: 17, version: 2, options: 5 },
  mul: { code: 18, version: 2, options: 21 },
  relu: { code: 19, version: 2, options: 0 },
  reluN1To1: { code: 20, version: 1, options: 0 },
  relu6: { code: 21, version: 2, options: 0 },
  resizeBilinear: { code: 23, version: 3, options: 15 },
  resizeNearest: { code: 97, version: 3, options: 74 },
  reshape: { code: 22, version: 1, options: 17 },
  softmax: { code: 25, version: 2, options: 9 },
  tanh: { code: 28, version: 2, options: 0 },
  pad: { code: 34, version: 2, options: 22 },
  mean: { code: 40, version: 2, options: 27 },
  sub: { code: 41, version: 2, options: 28 },
  maximum: { code: 55, version: 2, options: 39 },
  minimum: { code: 57, version: 2, options: 39 },
  leakyRelu: { code: 98, version: 1, options: 75 },
  abs: { code: 101, version: 2, options: 78 },
  elu: { code: 111, version: 1, options: 0 },
  quantize: { code: 114, version: 1, options: 89 },
  stridedSlice: { code: 45, version: 2, options: 32 },
  // Only read; test files are written with them.
  padV2: { code: 60, version: 2, options: 43 },
  transpose: { code: 39, version: 2, options: 26 },
  slice: { code: 65, version: 2, options: 48 },
  split: { code: 49, version: 2, options: 35 },
  splitV: { code: 102, version: 2, options: 79 },
  unpack: { code: 88, version: 2, options: 64 },
  depthToSpace: { code: 5, version: 1, options: 94 },
  spaceToDepth: { code: 26, version: 2, options: 19 },
  mirrorPad: { code: 100, version: 2, options: 77 },
  argMax: { code: 56, version: 2, options: 40 },
  shape: { code: 77, version: 1, options: 55 },
  pack: { code: 83, version: 2, options: 59 },
  squeeze: { code: 43, version: 2, options: 30 },
  expandDims: { code: 70, version: 1, options: 52 },
  hardSwish: { code: 117, version: 1, options: 0 },
} as const;
export type Operator = keyof typeof operators;

/** Names of the builtin operators by code, from 0, for reading and for messages. */
export const builtinNames: readonly string[] = `
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR
ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS
WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4
NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM
CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE
REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT`
  .trim()
  .split(/\s+/);
