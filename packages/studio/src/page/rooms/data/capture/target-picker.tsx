/** Selects where pictures are saved. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Select } from "../../../ui/select.js";
import { catalogue, entries, openSet } from "../store.js";
import { chooseClass, classesToChoose, kind, newFolder } from "./target.js";

const aNewFolder = "+";

export interface TargetPickerProps {
  readonly label: string;
  /** Further controls below. */
  readonly children?: ComponentChildren;
}

export function TargetPicker({ label, children }: TargetPickerProps) {
  const id = useId();
  const list = entries.value ?? [];
  const choose = (value: string) => {
    newFolder.value = value === aNewFolder ? "pictures" : undefined;
    const path = value.slice(1);
    if (value !== aNewFolder && path !== catalogue.value?.path) void openSet(path);
  };
  return (
    <div class="fields">
      <Select
        label={label}
        value={newFolder.value === undefined ? `/${catalogue.value?.path ?? ""}` : aNewFolder}
        options={[
          ...list.map(({ path }) => [`/${path}`, path === "" ? "the whole folder" : path] as const),
          [aNewFolder, "a new folder…"],
        ]}
        onChange={choose}
      />
      {newFolder.value !== undefined && (
        <>
          <label for={id}>Name of the folder</label>
          <input
            id={id}
            type="text"
            maxLength={100}
            value={newFolder.value}
            onInput={({ currentTarget }) => {
              newFolder.value = currentTarget.value;
            }}
          />
        </>
      )}
      {classesToChoose.value.length > 0 && (
        <Select
          label="Class"
          value={kind.value ?? ""}
          options={classesToChoose.value.map((name) => [name, name] as const)}
          onChange={chooseClass}
        />
      )}
      {children}
    </div>
  );
}
