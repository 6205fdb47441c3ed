/** The page's frame: the list of rooms, the open room, and the connection. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { connection, online } from "./connection.js";
import icon from "./icon.svg";
import { rooms } from "./rooms/index.js";
import { addressOfRoom, route } from "./router.js";
import { Boundary } from "./ui/boundary.js";
import { Problem } from "./ui/problem.js";

export function App() {
  const room = rooms.find(({ id }) => id === route.value.room) ?? rooms[0];
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <header class="bar">
        <span class="brand">
          <img src={icon} alt="" width="24" height="24" /> PhiNets
        </span>
        <nav aria-label="Rooms">
          {rooms.map(({ id, title }) => (
            <a key={id} href={addressOfRoom(id)} aria-current={id === room.id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <Where />
      </header>
      <main id="main" tabIndex={-1}>
        <Opened id={room.id} />
      </main>
    </>
  );
}

function Where() {
  const { value } = connection;
  if (value.kind === "connecting") return <span class="where" />;
  if (value.kind !== "server")
    return (
      <span class="where" title="Everything is done in this page; nothing leaves it.">
        in this browser
      </span>
    );
  return (
    <span class={online.value ? "where" : "where bad"} role="status" title={value.session.path}>
      {online.value ? value.session.folder : "the server does not answer"}
    </span>
  );
}

function Opened({ id }: { readonly id: string }) {
  const loaded = useSignal<{ readonly id: string; readonly Room: ComponentType } | undefined>(undefined);
  const problem = useSignal<unknown>(undefined);
  const { value: connected } = connection;
  useSignalEffect(() => {
    const room = rooms.find((each) => each.id === route.value.room) ?? rooms[0];
    if (loaded.peek()?.id === room.id) return;
    problem.value = undefined;
    room.load().then(
      ({ default: Room }) => {
        loaded.value = { id: room.id, Room };
        document.title = `${room.title} · PhiNets studio`;
      },
      (error) => {
        problem.value = error;
      },
    );
  });
  if (connected.kind === "refused") return <Problem error={connected.error} />;
  if (problem.value !== undefined) return <Problem error={problem.value} />;
  if (loaded.value?.id !== id || connected.kind === "connecting") return <p class="quiet">Opening…</p>;
  const { Room } = loaded.value;
  return (
    <Boundary key={id}>
      <Room />
    </Boundary>
  );
}
