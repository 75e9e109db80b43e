// Composes the subgraphs read from standard input, [{name, url, sdl}], into one; prints errors, hints and types as JSON.
import { composeServices } from "@theguild/federation-composition";
import { parse } from "graphql";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const services = JSON.parse(text).map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) }));
const result = composeServices(services);
console.log(
  JSON.stringify({
    errors: (result.errors ?? []).map((error) => error.message),
    hints: (result.hints ?? []).map((hint) => hint.message ?? String(hint)),
    supergraph: result.supergraphSdl ?? "",
    publicSchema: result.publicSdl ?? "",
  }),
);
