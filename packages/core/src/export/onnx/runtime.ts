/**
 * The part of ONNX Runtime's JavaScript API in use; the modules onnxruntime-node and onnxruntime-web have this type.
 */

export interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession> };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => OnnxTensor;
}

export interface OnnxSessionOptions {
  readonly executionProviders: readonly (string | { readonly name: "webgpu"; readonly preferredLayout: "NCHW" })[];
  readonly intraOpNumThreads?: number;
  /** 3: errors only. */
  readonly logSeverityLevel: 0 | 1 | 2 | 3 | 4;
  /** Location of each output; the CPU by default. */
  readonly preferredOutputLocation?: Readonly<Record<string, "cpu" | "gpu-buffer">>;
}

export interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

export interface OnnxTensor {
  /** Throws for a tensor that is not on the CPU. */
  readonly data: unknown;
  dispose(): void;
}
