/** Classifier heads: global average pool, then one or two linear layers; the outputs are logits `[batch, classes]`. */
import type { GraphBuilder } from "../graph/index.js";
import { type ClassifierHead, classCount } from "./network.js";

/**
 * Adds a PhiNet's classifier head and returns the name of the logits: one dense layer, `classifier.2`, as in the
 * authors' toolkit; or, where `head.features` is not 0, the paper's two 1x1 convolutions `class_conv2d` (no activation)
 * and `final_conv`.
 */
export function addPhinetClassifier(builder: GraphBuilder, head: ClassifierHead, features: string): string {
  if (!head.features) {
    const pooled = builder.globalAveragePool("classifier.0", features);
    return builder.dense("classifier.2", builder.flatten("classifier.1", pooled), classCount(head));
  }
  let x = builder.globalAveragePool("glob_pooling", features);
  x = builder.conv2d("class_conv2d", x, { filters: head.features, bias: true });
  x = builder.conv2d("final_conv", x, { filters: classCount(head), bias: true });
  return builder.flatten("logits", x);
}

/**
 * Adds the head of MobileNetV2 and EfficientNet, dropout 0.2 and then the dense layer `classifier.1`, and returns the
 * name of the logits.
 */
export function addPeerClassifier(builder: GraphBuilder, head: ClassifierHead, features: string): string {
  let x = builder.globalAveragePool("avgpool", features);
  x = builder.dropout("classifier.0", x, 0.2);
  return builder.dense("classifier.1", builder.flatten("flatten", x), classCount(head));
}
