/** List of the boxes: each can be selected, and shows its kind of error where the picture has labels. */
import type { PictureErrors } from "@phinets/core/evaluation";
import { chosen, errors, firstForm, loaded, seen, truths } from "./store.js";

const meanings: Readonly<Record<PictureErrors["detections"][number] | "missed", string>> = {
  right: "right",
  "left out": "in a crowd: neither right nor wrong",
  localisation: "localisation: the right class, but the box overlaps its label too little",
  class: "class: the box of a label of another class",
  both: "class and localisation: too little overlap with a label of another class",
  duplicate: "duplicate: a better box already has its label",
  background: "background: nothing is labelled there",
  missed: "missed: no box points at it",
};

/** Most boxes in the list; the picture shows all of them. */
const mostListed = 50;

export function FoundList() {
  const found = seen.value?.found[firstForm.value];
  if (found?.boxes === undefined || found.tracks !== undefined) return null;
  const { value } = errors;
  return (
    <section aria-labelledby="try-found">
      <h2 id="try-found">Found</h2>
      {found.boxes.length === 0 && <p class="quiet">Nothing above the score.</p>}
      <ul class="found">
        {found.boxes.slice(0, mostListed).map(({ name, score, x, y }, n) => (
          <li key={`${name} ${x} ${y} ${score}`}>
            <button
              type="button"
              aria-pressed={chosen.value === n}
              onClick={() => {
                chosen.value = chosen.value === n ? undefined : n;
              }}
            >
              {name} {score.toFixed(2)}
              {value && <span class={value.detections[n] === "right" ? "good" : "bad"}> {value.detections[n]}</span>}
            </button>
          </li>
        ))}
        {value?.missed.map((n) => (
          <li key={`missed ${n}`} title={meanings.missed}>
            {loaded.value?.classes[truths.value![n].class] ?? "a class that the network lacks"}
            <span class="bad"> missed</span>
          </li>
        ))}
      </ul>
      {value && chosen.value !== undefined && (
        <p class="meaning" role="status">
          {meanings[value.detections[chosen.value]]}
        </p>
      )}
    </section>
  );
}
