"""Who is let in."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callers import TAPS, WEBHOOK, Callers, callers

SOURCE = Path(__file__).parents[2] / "shared" / "callers.py"


@given(st.lists(st.text(min_size=1)), st.text())
def test_nobody_is_let_in_but_with_a_whole_token(texts, shown):
    """Whatever is shown, and whatever the setting holds."""
    setting = ",".join(texts)
    tokens = {token.strip() for token in setting.split(",")} - {""}

    assert Callers.of(setting).admits(shown) is (shown in tokens)


@pytest.mark.parametrize("shown", [None, "", " ", chr(0xDCFF), chr(0xD800), "a,b"])
def test_what_cannot_be_a_token_is_refused(shown):
    """No header, an empty one, bytes that are no text."""
    assert not Callers.of("a,b").admits(shown)
    assert not Callers.of("").admits(shown)
    assert not Callers.of(None).admits(shown)


def test_the_webhook_has_tokens_of_its_own_or_those_of_the_taps():
    """A blank setting counts as not set."""
    both = {"REALTIME_AUTH_TOKENS": "tap", "PUSH_WEBHOOK_TOKENS": "hook"}
    one = {"REALTIME_AUTH_TOKENS": "tap", "PUSH_WEBHOOK_TOKENS": " "}

    assert callers(WEBHOOK, both).admits("hook")
    assert not callers(WEBHOOK, both).admits("tap")
    assert callers(WEBHOOK, one).admits("tap")
    assert not callers(TAPS, both).admits("hook")
    assert not callers(TAPS, {}).admits("")


def test_tokens_do_not_show_when_callers_are_printed():
    """A log line must not hold one."""
    assert "secret" not in repr(Callers.of("secret"))


def test_tokens_are_compared_in_constant_time_and_all_of_them():
    """`==` on tokens, or stopping at the first that fits, would tell something by its time."""
    admits = next(
        node
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "admits"
    )

    assert not any(isinstance(node, ast.Compare | ast.GeneratorExp) for node in ast.walk(admits))
    assert "hmac.compare_digest" in ast.unparse(admits)


@pytest.mark.parametrize("setting", ["REALTIME_AUTH_TOKENS", "PUSH_WEBHOOK_TOKENS"])
def test_a_reference_to_key_vault_is_no_token(setting, caplog):
    """Azure hands it on as it is while it cannot resolve it, and anybody who knows the vault could write it."""
    reference = f"@Microsoft.KeyVault(VaultName=vault;SecretName={setting.lower()})"
    environment = {"REALTIME_AUTH_TOKENS": "tap", setting: reference}

    for shown in ("tap", reference):
        assert not callers((setting, "REALTIME_AUTH_TOKENS"), environment).admits(shown)
    assert f"nobody is let in: {setting} is a reference to Key Vault" in caplog.text
