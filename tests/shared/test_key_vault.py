"""What Azure puts into a setting whose secret it cannot find."""

import pytest
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.key_vault import is_unresolved
from shared.polling.connecting import connect_emabler, has_emabler
from shared.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Microsoft.KeyVault(VaultName=v;SecretName=s)", True),
        (" @Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s/)", True),
        ("a-key", False),
        ("", False),
        ("a@Microsoft.KeyVault(", False),
    ],
)
def test_a_reference_is_told_from_a_secret(text, expected):
    """By its beginning, in both of its forms."""
    assert is_unresolved(text) is expected


def test_a_poll_without_its_secret_says_what_to_do():
    """It must not ask eMabler with a reference, nor be silent as if nobody wanted polls."""
    chosen = Settings(EMABLER_API_KEY=SecretStr("@Microsoft.KeyVault(VaultName=v;SecretName=emabler-api-key)"))

    assert has_emabler(chosen)
    with pytest.raises(ConfigurationError, match=r"EMABLER_API_KEY is a reference to Key Vault.*put the secret"):
        connect_emabler(chosen)
