/** Dialogue for the phone's door: opens and closes it, and shows the code that admits a phone. */
import { formatCount } from "@phinets/node/text";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type OpenDoor, type OpenDoorRequest, type PhoneStatus, phoneEntry } from "../../../../shared/phone.js";
import { get, post, remove } from "../../../api.js";
import { notePhone, phone } from "../../../connection.js";
import { Problem } from "../../../ui/problem.js";
import { Select } from "../../../ui/select.js";
import { Switch } from "../../../ui/switch.js";
import { QrCode } from "./qr-code.js";
import { beginTarget, kind, target } from "./target.js";
import { TargetPicker } from "./target-picker.js";
import "./capture.css";

export default function PhoneDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const problem = useSignal<unknown>(undefined);
  const guarded = async (work: () => Promise<PhoneStatus | undefined>): Promise<void> => {
    problem.value = undefined;
    try {
      const status = await work();
      if (status !== undefined) notePhone(status);
    } catch (error) {
      problem.value = error;
    }
  };
  useEffect(() => {
    beginTarget();
    dialog.current?.showModal();
    void guarded(() => get<PhoneStatus>("phone"));
  }, []);
  const status = phone.value;
  return (
    <dialog ref={dialog} class="capture" aria-label="A phone" onClose={onClose}>
      <header>
        <h2>Let a phone in</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      {problem.value !== undefined && <Problem error={problem.value} />}
      {status?.closed !== undefined && <p role="status">Closed: {status.closed}</p>}
      {status !== undefined && status.door === undefined && (
        <Closed status={status} onOpen={(body) => void guarded(() => post<PhoneStatus>("phone", { body }))} />
      )}
      {status?.door && (
        <Opened
          door={status.door}
          onAdding={(mayAdd) => void guarded(() => post<PhoneStatus>("phone/adding", { body: { mayAdd } }))}
          onCode={() => void guarded(() => post<PhoneStatus>("phone/code"))}
          onShut={() =>
            void guarded(async () => {
              await remove("phone");
              return get<PhoneStatus>("phone");
            })
          }
        />
      )}
    </dialog>
  );
}

interface ClosedProps {
  readonly status: PhoneStatus;
  readonly onOpen: (request: OpenDoorRequest) => void;
}

function Closed({ status: { addresses }, onOpen }: ClosedProps) {
  const [address, mayAdd] = [useSignal(addresses[0]?.address ?? ""), useSignal(false)];
  const open = (event: Event) => {
    event.preventDefault();
    const { set, make } = target.value;
    onOpen({ address: address.value, set, ...(make && { make }), kind: kind.value, mayAdd: mayAdd.value });
  };
  return (
    <form onSubmit={open}>
      <p>
        Opens a door at one address of this machine, for phones on the same network and a code that lets one in, once.
        The phone sees the newest pictures of the data set, and nothing else.
      </p>
      <TargetPicker label="Data set">
        <Select
          label="Address"
          value={address.value}
          options={addresses.map(
            (each) =>
              [each.address, `${each.address} (${each.isLoopback ? "this machine alone" : each.name})`] as const,
          )}
          onChange={(value) => {
            address.value = value;
          }}
        />
      </TargetPicker>
      <Switch
        label="The phone may add pictures"
        checked={mayAdd.value}
        onChange={(on) => {
          mayAdd.value = on;
        }}
      />
      <p class="quiet">
        It is plain HTTP: whoever listens in on the network sees what the phone sees and sends. Open it in networks that
        you trust.
      </p>
      <p class="actions">
        <button type="submit" class="main">
          Open the door
        </button>
      </p>
    </form>
  );
}

interface OpenedProps {
  readonly door: OpenDoor;
  readonly onAdding: (mayAdd: boolean) => void;
  readonly onCode: () => void;
  readonly onShut: () => void;
}

function Opened({ door, onAdding, onCode, onShut }: OpenedProps) {
  const { url, set, kind: named, code, codeState, codeEndsAt, mayAdd, isPhoneIn, added } = door;
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 1000);
    return () => clearInterval(timer);
  }, [now]);
  const left = Math.ceil((codeEndsAt - now.value) / 1000);
  const isValid = codeState === "valid" && left > 0;
  return (
    <div class="work">
      <div>
        <p role="status">
          {isPhoneIn ? "A phone is in." : "No phone is in yet."} {formatCount(added)}{" "}
          {added === 1 ? "picture" : "pictures"} added to {set || "the whole folder"}
          {named !== undefined && `, ${named}`}.
        </p>
        <p>
          On the phone, open <b class="address">{url}</b>
        </p>
        {isValid ? (
          <>
            <p>
              and enter this code; it lets one phone in, once, for another {Math.floor(left / 60)}:
              {String(left % 60).padStart(2, "0")} minutes:
            </p>
            <p class="code">{`${code.slice(0, 4)} ${code.slice(4)}`}</p>
          </>
        ) : (
          <p>{codeWords[codeState === "valid" ? "expired" : codeState]}</p>
        )}
        <Switch label="The phone may add pictures" checked={mayAdd} onChange={onAdding} />
        <p class="actions">
          <button type="button" onClick={onCode}>
            New code
          </button>
          <button type="button" class="main" onClick={onShut}>
            Close the door
          </button>
        </p>
      </div>
      {isValid && <QrCode text={phoneEntry(url, code)} label="The address and the code, for a phone's camera" />}
    </div>
  );
}

const codeWords = {
  used: "The code was used. Another phone needs a new one; then the first is out.",
  expired: "The code has expired.",
  locked: "Too many wrong codes were entered; this one lets nobody in any more.",
} as const;
