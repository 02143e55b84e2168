"""A small Azure Functions host for development, for machines without Core Tools (`func start`).

It runs a Python v2 function app the way production does: the functions are indexed, bound and invoked by Microsoft's
own `azure-functions-runtime`, and what comes in is encoded as the real host encodes it. Nothing of this is deployed.

From a test, `from local.functions_host.worker import index_app` tells what production would find in an app.
From a shell, `python -m local.functions_host --help`.
"""
