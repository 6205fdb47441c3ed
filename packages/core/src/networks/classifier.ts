/** Classifier head: global average pool, then one dense layer; its outputs are logits `[batch, classes]`. */
import type { GraphBuilder } from "../graph/index.js";
import { type ClassifierHead, classCount } from "./network.js";

/** Adds the head; returns the name of the logits. Parameters are `classifier.2.weight` and `.bias`, as the reference's. */
export function addClassifier(builder: GraphBuilder, head: ClassifierHead, features: string): string {
  const pooled = builder.globalAveragePool("classifier.0", features);
  return builder.dense("classifier.2", builder.flatten("classifier.1", pooled), classCount(head));
}
