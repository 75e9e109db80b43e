// Runs the audits of GraphQL over HTTP against the URL given, with the token given; prints what each came to as JSON.
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (to, init = {}) => fetch(to, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
const audits = await auditServer({ url, fetchFn });
console.log(JSON.stringify(audits.map(({ status, name, reason }) => ({ status, name, reason }))));
