"""Start, edges: an open application behind HTTP and GraphQL."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from evidence_api.bootstrap.application import Application
from evidence_api.graphql.answer_receipts import receipts_for
from evidence_api.graphql.rate_report import report_rates
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.streaming import Streams
from evidence_api.graphql.subgraph import build_subgraph
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.graphql.writing import MutationRunner
from evidence_api.use_cases.archivista import Archivista
from evidence_api.web.app import create_app
from evidence_api.web.parts import Parts


def asgi_application(application: Application, more_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The HTTP and GraphQL edge over an open application."""
    side = application.query_side
    parts = Parts(
        access=application.access,
        access_audit=application.access_audit,
        asking=application.asking,
        events=application.events,
        exchange=application.exchange,
        federation=application.federation,
        ingest=application.ingest,
        lanes=side.lanes,
        artifacts=application.artifacts,
        documents=application.documents,
        archivista=Archivista(application.database, application.ingest),
        packs=application.packs,
        policy_bundles=application.policy_bundles,
        rates=side.rates,
        reads=application.reads,
        log=application.log,
        readiness=application.readiness,
        summaries=application.summaries,
        max_body=application.settings.max_body,
    )
    schema, deadline = build_schema(), application.settings.query_deadline
    graphql = GraphQLEndpoint(
        schema,
        application.reads,
        rates=side.rates,
        lanes=side.lanes,
        deadline=deadline,
        mutations=MutationRunner(schema, application.reads, application.writes, deadline),
        streams=Streams(schema, application.reads, application.events),
        persisted=application.documents,
        additions=[report_rates, receipts_for(application.answer_receipts)],
    )
    return create_app(parts, graphql, more_routes, subgraph=_subgraph(application))


def _subgraph(application: Application) -> GraphQLEndpoint | None:
    """The read-only endpoint of Apollo Federation, where operators want it."""
    if not application.settings.subgraph:
        return None
    return GraphQLEndpoint(
        build_subgraph(),
        application.reads,
        rates=application.query_side.rates,
        lanes=application.query_side.lanes,
        deadline=application.settings.query_deadline,
        additions=[report_rates],
        shown_to_peers=False,
    )
