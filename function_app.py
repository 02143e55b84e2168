"""The function app: every trigger of `handlers`, registered, and telemetry, started. Nothing else happens here."""

import azure.functions as func

from handlers import health, openapi, polling, push_events, push_webhook, realtime_auth, retention
from shared import exporting

app = func.FunctionApp()
for module in (push_events, push_webhook, realtime_auth, polling, retention, health, openapi):
    app.register_functions(module.blueprint)

exporting.start_later()
