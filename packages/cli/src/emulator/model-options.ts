/** What a run's network adds to its C: names and anchors of the head. */
import type { COptions } from "@phinets/core/export";
import { classNames, type Network } from "@phinets/core/networks";

export function modelOptions({ head }: Network): Pick<COptions, "detector" | "classes"> {
  switch (head.kind) {
    case "yolov2":
      return { detector: { classes: classNames(head), anchors: head.anchors, decoder: head.decoder } };
    case "classifier":
      return { classes: classNames(head) };
    case "none":
      return {};
  }
}
