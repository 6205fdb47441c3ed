import { render } from "preact";
import { App } from "./app.js";
import { connect } from "./connection.js";
import "./style.css";

// The token has done its work: it stands neither in the history nor in what a user copies.
if (location.search !== "") history.replaceState(null, "", location.pathname + location.hash);
void connect();
render(<App />, document.getElementById("app")!);
