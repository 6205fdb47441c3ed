/** Opens a picture to draw its boxes; says what that needs where it cannot be. */
import { connection } from "../../connection.js";
import { openPicture } from "./labelling/store.js";
import { catalogue } from "./store.js";

export interface LabelButtonProps {
  /** Its path in the data set; undefined: there is none. */
  readonly picture: string | undefined;
  readonly onOpen?: () => void;
}

export function LabelButton({ picture, onOpen }: LabelButtonProps) {
  const set = catalogue.value;
  if (set === undefined || set.task !== "detect" || picture === undefined) return null;
  const isServed = connection.value.kind === "server";
  const open = () => {
    onOpen?.();
    void openPicture(picture);
  };
  return (
    <>
      <button type="button" disabled={!isServed} onClick={open}>
        Edit boxes
      </button>
      {!isServed && <span class="quiet">Drawing boxes needs the server: phinets studio FOLDER</span>}
    </>
  );
}
