import { Hono } from "hono";
import type { Routes } from "../app.js";

export const sessionRoutes: Routes = ({ session }) => new Hono().get("/", (context) => context.json(session));
