"""References to Key Vault that Azure could not resolve.

The platform puts the secret in the place of `@Microsoft.KeyVault(...)` in a setting. Where it cannot (the secret is not
there yet, the identity has no role yet), the app gets the reference itself (learn.microsoft.com, "Use Key Vault
references"): a text that is not secret at all, and must never be taken for one.
"""

from typing import Final

_BEGINNING: Final = "@Microsoft.KeyVault("

WHAT_TO_DO: Final = (
    "is a reference to Key Vault that Azure has not resolved: put the secret into the vault, check that the app's "
    "identity has the role Key Vault Secrets User there, and restart the app"
)
"""Follows the setting's name."""


def is_unresolved(text: str) -> bool:
    """Whether a setting's value is a reference, not the secret."""
    return text.strip().startswith(_BEGINNING)
