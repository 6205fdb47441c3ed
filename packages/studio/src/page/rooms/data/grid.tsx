/**
 * Grid of all pictures. Only the visible ones have elements, so 50,000 pictures cost as much as fifty. It is a single
 * stop of the Tab key; arrows move, Enter opens.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Boxes, describe } from "./boxes.js";
import type { Copy } from "./copies.js";
import { catalogue, copies, opened, shown, source } from "./store.js";

const cell = 152;
const gap = 8;
/** Additional rows above and below the visible ones. */
const spare = 2;

export function Grid() {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const top = useSignal(0);
  const at = useSignal(0);
  const numbers = shown.value;
  const columns = Math.max(1, Math.floor((size.width + gap) / (cell + gap)));
  const rows = Math.ceil(numbers.length / columns);
  const first = Math.max(0, Math.floor(top.value / (cell + gap)) - spare);
  const last = Math.min(rows, Math.ceil((top.value + size.height) / (cell + gap)) + spare);

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  // A new selection is scrolled to its beginning.
  useEffect(() => {
    at.value = 0;
    box.current!.scrollTop = 0;
  }, [numbers, at]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(numbers.length - 1, to));
    at.value = next;
    const y = Math.floor(next / columns) * (cell + gap);
    const element = box.current!;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + cell > element.scrollTop + size.height) element.scrollTop = y + cell - size.height;
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => move(at.value - 1),
    ArrowRight: () => move(at.value + 1),
    ArrowUp: () => move(at.value - columns),
    ArrowDown: () => move(at.value + columns),
    PageUp: () => move(at.value - columns * Math.max(1, Math.floor(size.height / (cell + gap)))),
    PageDown: () => move(at.value + columns * Math.max(1, Math.floor(size.height / (cell + gap)))),
    Home: () => move(0),
    End: () => move(numbers.length - 1),
    Enter: () => {
      opened.value = numbers[at.value];
    },
  };
  const press = (event: KeyboardEvent) => {
    const act = keys[event.key];
    if (act === undefined || numbers.length === 0) return;
    event.preventDefault();
    act();
  };
  const inSight = numbers.slice(first * columns, last * columns);
  return (
    <div
      ref={box}
      class="grid"
      role="listbox"
      aria-label="Pictures"
      tabIndex={0}
      aria-activedescendant={numbers.length > 0 ? `picture-${numbers[at.value]}` : undefined}
      onKeyDown={press}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop;
      }}
    >
      <div class="all" style={{ height: `${rows * (cell + gap)}px` }}>
        {inSight.map((n, i) => {
          const place = first * columns + i;
          return (
            <Cell
              key={n}
              n={n}
              x={(place % columns) * (cell + gap)}
              y={Math.floor(place / columns) * (cell + gap)}
              place={place}
              total={numbers.length}
              active={place === at.value}
              onPick={() => {
                at.value = place;
                opened.value = n;
              }}
            />
          );
        })}
      </div>
    </div>
  );
}

interface CellProps {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly place: number;
  readonly total: number;
  readonly active: boolean;
  readonly onPick: () => void;
}

function Cell({ n, x, y, place, total, active, onPick }: CellProps) {
  const set = catalogue.value!;
  const copy = copies.value?.found?.of.get(n);
  const [address, setAddress] = useState("");
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let wanted = true;
    source.value?.thumbnail(set.path, n).then(
      (found) => wanted && setAddress(found),
      () => wanted && setFailed(true),
    );
    return () => {
      wanted = false;
    };
  }, [set, n]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and says which of its options is active
    <div
      id={`picture-${n}`}
      class={active ? "cell active" : "cell"}
      role="option"
      aria-selected={active}
      aria-posinset={place + 1}
      aria-setsize={total}
      aria-label={copy === undefined ? describe(set, n) : `${describe(set, n)}; ${wordsOf(copy)}`}
      style={{ transform: `translate(${x}px, ${y}px)` }}
      onClick={onPick}
    >
      {failed ? (
        <span class="missing">cannot be shown</span>
      ) : (
        address !== "" && (
          <span class="picture">
            <img src={address} alt="" loading="lazy" decoding="async" onError={() => setFailed(true)} />
            <Boxes catalogue={set} n={n} />
          </span>
        )
      )}
      {copy && <span class={copy.leak ? "copy leak" : "copy"}>{wordsOf(copy)}</span>}
      {set.labels[n] >= 0 && <span class="tag">{set.classes[set.labels[n]]}</span>}
    </div>
  );
}

const wordsOf = ({ group, leak, kept }: Copy): string =>
  `copies ${group}${leak ? ", leak" : ""}${kept ? ", kept" : ""}`;
