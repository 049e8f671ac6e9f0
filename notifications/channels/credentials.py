"""What we are known by at providers, from one file in the key folder.

`keys/notifications.toml` has a table for each provider in use, such as `[jpush]` with `app_key` and
`master_secret`. A provider without one is not used; in development those of the sandbox city are.
"""

from collections.abc import Mapping
from pathlib import Path

from core.context.app import App
from core.security.credential_tables import Tables, read_tables

FILE = "notifications.toml"

SANDBOX: Tables = {
    "sms": {"receipt_secret": "sandbox-sms-receipts"},
    "sms_backup": {"receipt_secret": "sandbox-sms-receipts"},
    "voice": {
        "access_key_id": "sandbox",
        "access_key_secret": "sandbox-voice-secret",
        "tts_code": "TTS_000000001",
        "text_field": "text",
    },
    "jpush": {"app_key": "sandbox", "master_secret": "sandbox-master-secret"},
}
"""The sandbox's, worth nothing elsewhere."""


def credentials_of(app: App, provider: str) -> Mapping[str, str] | None:
    """A provider's table, or None where it has none. Raises StartError for a malformed file."""
    tables = app.once(FILE, lambda: _read(app))
    return tables.get(provider)


def key_file(app: App, name: str) -> Path:
    """A file that a table names, in the key folder."""
    return app.settings.keys_path / name


def _read(app: App) -> Tables:
    own: Tables = {} if app.settings.is_production else SANDBOX
    return {**own, **read_tables(app.settings.keys_path, FILE)}
