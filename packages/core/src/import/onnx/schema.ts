/**
 * Numbers of onnx.proto3 (ONNX IR version 8), shared by import and export: fields of messages, data types and attribute
 * types. Source: onnx/onnx.proto of github.com/onnx/onnx.
 */

/** Wire types. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export const fields = {
  model: { irVersion: 1, producer: 2, graph: 7, operatorSets: 8, metadata: 14 },
  operatorSet: { domain: 1, version: 2 },
  metadata: { key: 1, value: 2 },
  graph: { nodes: 1, name: 2, constants: 5, inputs: 11, outputs: 12, sparseConstants: 15 },
  node: { inputs: 1, outputs: 2, name: 3, operator: 4, attributes: 5, domain: 7 },
  attribute: { name: 1, float: 2, int: 3, text: 4, tensor: 5, floats: 7, ints: 8, type: 20 },
  tensor: {
    ...{
      shape: 1,
      type: 2,
      floats: 4,
      int32s: 5,
      int64s: 7,
      name: 8,
      bytes: 9,
      doubles: 10,
      elsewhere: 13,
      location: 14,
    },
  },
  keyValue: { key: 1, value: 2 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { element: 1, shape: 2 },
  shape: { dimensions: 1 },
  dimension: { value: 1 },
} as const;

/** TensorProto.DataType. */
export const dataTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
/** Names by data type number. */
export const dataTypeNames = [
  ...["no type", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"],
  ...["float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"],
] as const;

/** AttributeProto.AttributeType. */
export const attributeTypes = { float: 1, int: 2, text: 3, ints: 7 } as const;
