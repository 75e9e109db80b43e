// PostGraphile 5, bare: no authentication, no row-level security (its DSN is the superuser's), no limits, no audit.
// `node server.mjs DSN` prints the port it answers on, at /graphql.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { grafserv } from "postgraphile/grafserv/node";
import { jsonPgSmartTags } from "postgraphile/utils";

const subjects = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      evidence_subject: {
        tags: {
          foreignKey: "(tenant_id, leaf_index) references evidence (tenant_id, leaf_index)|@foreignSimpleCollections only|@foreignFieldName subjects",
        },
      },
    },
  },
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [subjects],
  pgServices: [makePgService({ connectionString: process.argv[2], schemas: ["public"], poolConfig: { max: 10 } })],
  grafast: { explain: false },
  grafserv: { watch: false, graphiql: false },
};

const instance = postgraphile(preset).createServ(grafserv);
const server = createServer();
server.on("error", (fault) => {
  console.error(fault);
  process.exit(1);
});
await instance.addTo(server);
await instance.ready();
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
