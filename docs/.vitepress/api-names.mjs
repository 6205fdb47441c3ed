/** Plugin of TypeDoc: a module is called as one imports it. */
import { Converter, ReflectionKind } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    reflection.name = `@phinets/${reflection.name.replace("/src", "")}`;
  });
}
