"""Who the app is in Microsoft Entra: its managed identity, in Azure; on a laptop, whoever is signed in there."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential


def identity(client_id: str | None) -> "ManagedIdentityCredential | DefaultAzureCredential":
    """The user-assigned identity of that client id, or the one that azure-identity finds."""
    from azure.identity.aio import (  # noqa: PLC0415  # 150 ms, kept out of the cold start
        DefaultAzureCredential,
        ManagedIdentityCredential,
    )

    return ManagedIdentityCredential(client_id=client_id) if client_id else DefaultAzureCredential()
