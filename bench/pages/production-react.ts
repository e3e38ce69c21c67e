import { createRequire } from "node:module";

/**
 * Preloaded into the web process. React takes its production half when NODE_ENV says so at the moment it is loaded, and the app
 * itself would refuse the sandbox's App Bridge in production: so React is loaded first, as production loads it.
 */
const { NODE_ENV } = process.env;
Object.assign(process.env, { NODE_ENV: "production" });
const load = createRequire(import.meta.url);
for (const name of ["react", "react/jsx-runtime", "react-dom", "react-dom/server", "@remix-run/react"]) load(name);
Object.assign(process.env, { NODE_ENV });
