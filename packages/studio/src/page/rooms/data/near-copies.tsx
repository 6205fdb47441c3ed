/**
 * Near copies: finds them, shows them by group, and lists those to remove where one of each group is kept. Nothing is
 * removed.
 */
import { formatCount } from "@phinets/node/text";
import { Bars } from "../../ui/bars.js";
import { saveFile } from "../../ui/save.js";
import { catalogue, copies, filter, findCopies, toggle } from "./store.js";

export function NearCopies() {
  const set = catalogue.value!;
  const { done, total, stop, found } = copies.value ?? {};
  return (
    <>
      <h2>Near copies</h2>
      {found === undefined && stop === undefined && (
        <p class="actions">
          <button type="button" onClick={() => void findCopies()}>
            Find near copies
          </button>
        </p>
      )}
      {found === undefined && stop !== undefined && (
        <p class="actions" role="status">
          <progress max={Math.max(1, total ?? 0)} value={done} aria-label="Pictures looked at" />
          {formatCount(done ?? 0)} of {formatCount(total ?? 0)}
          <button type="button" onClick={stop}>
            Stop
          </button>
        </p>
      )}
      {found?.groups === 0 && <p role="status">No picture is a near copy of another.</p>}
      {found !== undefined && found.groups > 0 && (
        <>
          <p role="status">
            {formatCount(found.groups)} {found.groups === 1 ? "group" : "groups"} of pictures that are the same but for
            compression, size or brightness.
          </p>
          <Bars
            label="Near copies"
            bars={lists.flatMap(({ key, label }) => {
              const { length } = found[key];
              return length === 0 ? [] : [{ key, label, value: length, text: formatCount(length) }];
            })}
            pressed={lists.find(({ key }) => found[key] === filter.value.only)?.key}
            onPress={(key) => toggle("only", found[key as (typeof lists)[number]["key"]])}
          />
          {found.spare.length > 0 && (
            <p class="actions">
              <button
                type="button"
                onClick={() =>
                  saveFile("near-copies.txt", `${found.spare.map((n) => set.files[n]).join("\n")}\n`, "text/plain")
                }
              >
                Save the list of what can go
              </button>
            </p>
          )}
        </>
      )}
    </>
  );
}

const lists = [
  { key: "all", label: "all, group by group" },
  { key: "leaks", label: "in several splits: leaks" },
  { key: "spare", label: "can go: one of each is kept" },
] as const;
