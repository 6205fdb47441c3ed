/** Button that opens a picture for drawing boxes; where that is impossible it says what is missing. */
import { openPicture } from "./labelling/store.js";
import { catalogue, source } from "./store.js";

export interface LabelButtonProps {
  /** Its path in the data set; undefined where there is no picture. */
  readonly picture: string | undefined;
  readonly onOpen?: () => void;
}

export function LabelButton({ picture, onOpen }: LabelButtonProps) {
  const set = catalogue.value;
  if (set === undefined || set.task !== "detect" || picture === undefined) return null;
  const canSave = source.value?.labels !== undefined;
  const open = () => {
    onOpen?.();
    void openPicture(picture);
  };
  return (
    <>
      <button type="button" disabled={!canSave} onClick={open}>
        Edit boxes
      </button>
      {!canSave && (
        <span class="quiet">
          This browser gives the page no storage here: boxes need https:// or localhost, or phinets studio FOLDER
        </span>
      )}
    </>
  );
}
