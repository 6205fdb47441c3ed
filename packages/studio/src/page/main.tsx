import { render } from "preact";
import { App } from "./app.js";
import { connect } from "./connection.js";
import "./style.css";

// Remove the token from the address, so that neither the history nor a copied address has it.
if (location.search !== "") history.replaceState(null, "", location.pathname + location.hash);
void connect();
render(<App />, document.getElementById("app")!);
