/** Small charts of the data set's content; clicking a bar filters. */
import { formatCount } from "@phinets/node/text";
import { useMemo } from "preact/hooks";
import { Bars } from "../../ui/bars.js";
import { Heat } from "./heat.js";
import { countClasses, countSizes, heatOf, type SizeClass, sizeClasses } from "./select.js";
import { catalogue, filter, toggle } from "./store.js";

export function Charts() {
  const set = catalogue.value!;
  const { class: wanted, split, size } = filter.value;
  const one = wanted === undefined || wanted < 0 ? undefined : wanted;
  const classes = useMemo(() => countClasses(set), [set]);
  const sizes = useMemo(() => countSizes(set), [set]);
  const position = useMemo(() => heatOf(set, "position", one), [set, one]);
  const shape = useMemo(() => heatOf(set, "shape", one), [set, one]);
  const splits = (["train", "val", "test"] as const).filter((name) => set.splits[name] > 0);
  return (
    <>
      <h2>Splits</h2>
      <Bars
        label="Pictures of each split"
        bars={splits.map((name) => ({
          key: name,
          label: name,
          value: set.splits[name],
          text: formatCount(set.splits[name]),
        }))}
        pressed={split}
        onPress={(key) => toggle("split", key as "train")}
      />
      {set.unlabelled.length > 0 && (
        <Bars
          label="Pictures without labels"
          bars={[
            {
              key: 1,
              label: "without labels",
              value: set.unlabelled.length,
              text: formatCount(set.unlabelled.length),
            },
          ]}
          pressed={filter.value.unlabelled ? 1 : undefined}
          onPress={() => toggle("unlabelled", true)}
        />
      )}
      <h2>Classes</h2>
      <Bars
        label={set.task === "detect" ? "Boxes of each class" : "Pictures of each class"}
        bars={set.classes.map((name, i) => ({ key: i, label: name, value: classes[i], text: formatCount(classes[i]) }))}
        pressed={wanted}
        onPress={(key) => toggle("class", key as number)}
      />
      {set.task === "detect" && (
        <>
          <h2>Boxes</h2>
          <Bars
            label="Boxes by size"
            bars={sizeClasses.map(({ id, title }) => ({
              key: id,
              label: title,
              value: sizes[id],
              text: formatCount(sizes[id]),
            }))}
            pressed={size}
            onPress={(key) => toggle("size", key as SizeClass)}
          />
          <div class="heats">
            <Heat heat={position} title="Where" axes={["left to right", "top to bottom"]} />
            <Heat heat={shape} title="Shape" axes={["width", "height"]} />
          </div>
        </>
      )}
    </>
  );
}
