/** Shows an error of a room in that room; the other rooms continue to work. */
import { Component, type ComponentChildren } from "preact";
import { Problem } from "./problem.js";

export class Boundary extends Component<{ readonly children: ComponentChildren }, { readonly error?: Error }> {
  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <Problem error={new Error(`this room has a bug: ${error.message}; reload the page, and please report it`)} />
    );
  }
}
