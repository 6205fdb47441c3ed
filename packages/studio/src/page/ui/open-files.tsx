/** Files of the user's own, opened in the page itself: a folder or a .zip. Nothing is sent anywhere. */
import { useId } from "preact/hooks";
import { connection } from "../connection.js";
import type { DataSource } from "../datasets/source.js";

export interface OpenFilesProps {
  readonly onOpen: (source: DataSource) => void;
  readonly onError: (error: Error) => void;
}

/** Nothing where there is a server: its folder is opened. */
export function OpenFiles({ onOpen, onError }: OpenFilesProps) {
  const [folder, archive] = [useId(), useId()];
  if (connection.value.kind !== "static") return null;
  const take = async (files: Iterable<File>) => {
    const { browserSource } = await import("../datasets/browser-source.js");
    try {
      onOpen(await browserSource([...files]));
    } catch (error) {
      onError(error as Error);
    }
  };
  return (
    <p class="actions">
      <label class="button" for={folder}>
        Open a folder…
        <input
          id={folder}
          class="hidden"
          type="file"
          multiple
          ref={(element) => {
            if (element) element.webkitdirectory = true;
          }}
          onChange={({ currentTarget }) => void take(currentTarget.files ?? [])}
        />
      </label>
      <label class="button" for={archive}>
        Open a .zip…
        <input
          id={archive}
          class="hidden"
          type="file"
          accept=".zip"
          onChange={({ currentTarget }) => void take(currentTarget.files ?? [])}
        />
      </label>
    </p>
  );
}
