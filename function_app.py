"""The function app: every trigger of `handlers`, registered, and telemetry, started. Nothing else happens here."""

import os

import azure.functions as func

from handlers import health, openapi, polling, push_events, push_events_kafka, push_webhook, realtime_auth, retention
from shared import exporting

app = func.FunctionApp()
for module in (push_events, push_webhook, realtime_auth, polling, retention, health, openapi):
    app.register_functions(module.blueprint)
app.register_functions(push_events_kafka.blueprint_for(os.environ))

exporting.start_later()
