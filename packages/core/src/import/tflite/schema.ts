/**
 * Numbers of .tflite's schema (tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3): slots of tables' fields,
 * enumerators, and the oldest version of each operator that has int8.
 */

export const identifier = "TFL3";
export const schemaVersion = 3;

export const slots = {
  model: { version: 0, operatorCodes: 1, subgraphs: 2, description: 3, buffers: 4, metadata: 6 },
  operatorCode: { deprecatedBuiltinCode: 0, version: 2, builtinCode: 3 },
  subgraph: { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 },
  tensor: { shape: 0, type: 1, buffer: 2, name: 3, quantization: 4 },
  quantization: { scale: 2, zeroPoint: 3, quantizedDimension: 6 },
  buffer: { data: 0 },
  metadata: { name: 0, buffer: 1 },
  operator: { opcodeIndex: 0, inputs: 1, outputs: 2, optionsType: 3, options: 4 },
  conv2d: { padding: 0, strideWidth: 1, strideHeight: 2, activation: 3, dilationWidth: 4, dilationHeight: 5 },
  depthwise: {
    ...{ padding: 0, strideWidth: 1, strideHeight: 2, depthMultiplier: 3, activation: 4 },
    ...{ dilationWidth: 5, dilationHeight: 6 },
  },
  pool: { padding: 0, strideWidth: 1, strideHeight: 2, filterWidth: 3, filterHeight: 4, activation: 5 },
  reducer: { keepDims: 0 },
  reshape: { newShape: 0 },
} as const;

export const tensorTypes = { int32: 2, int8: 9 } as const;
export const paddings = { same: 0, valid: 1 } as const;
export const activations = { none: 0, relu6: 3 } as const;

/** Operators: code, version, and the kind of their options (0: they have none). */
export const operators = {
  add: { code: 0, version: 2, options: 11 },
  conv2d: { code: 3, version: 3, options: 1 },
  depthwiseConv2d: { code: 4, version: 3, options: 2 },
  logistic: { code: 14, version: 2, options: 0 },
  maxPool2d: { code: 17, version: 2, options: 5 },
  mul: { code: 18, version: 2, options: 21 },
  relu6: { code: 21, version: 2, options: 0 },
  reshape: { code: 22, version: 1, options: 17 },
  pad: { code: 34, version: 2, options: 22 },
  mean: { code: 40, version: 2, options: 27 },
  hardSwish: { code: 117, version: 1, options: 0 },
} as const;
export type Operator = keyof typeof operators;
