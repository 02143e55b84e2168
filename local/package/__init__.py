"""The deployment package: what `azd deploy` sends to Azure, built on this machine by `make package`.

It holds the app's source alone. The libraries of requirements.txt are installed in Azure, by the remote build that Flex
Consumption does for Python: learn.microsoft.com, "Build and deploy to Azure Functions", section "Remote build".
"""
