"""The settings: names, what wins, what a wrong file or variable gets."""

import doctest
from pathlib import Path

import pytest

from vibelux import _toml
from vibelux.config import NAMES, PROVIDERS, Settings
from vibelux.feeds import all_feeds
from vibelux.market.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "vibelux.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_documentation_in_the_toml_reader_is_true():
    assert doctest.testmod(_toml).failed == 0


def test_the_defaults_are_those_of_the_contract():
    settings = Settings.load(None, env={})
    assert settings.data_dir == Path(".vibelux")
    assert (settings.price_change_threshold, settings.stale_data_threshold) == (0.05, 900.0)
    assert settings.cache_ttl_seconds == 300.0
    assert settings.alert_allow_private is False
    assert settings.database_url is None
    assert settings.base_url("caiso") is None
    assert (settings.update_interval("caiso"), settings.update_interval("eia")) == (300.0, 3600.0)
    assert settings.facilities == ()


def test_alerts_and_what_is_kept_are_settings_with_defaults():
    settings = Settings.load(None, env={"ALERT_KINDS": "stale-data,provider-failing", "KEEP_PRICE_DAYS": "400"})
    assert settings.alert_kinds == "stale-data,provider-failing"
    assert (settings.keep_price_days, settings.keep_outbox_days, settings.keep_journal_days) == (400.0, 7.0, 30)
    assert "price-change" in Settings.load(None, env={}).alert_kinds


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("REDIS_URL", "localhost:6379", "redis"),
        ("ALERT_WEBHOOK_URL", "ftp://example.org/x", "http"),
        ("ALERT_KINDS", "stale-data,gossip", "known: stale-data"),
        ("KEEP_DECISION_DAYS", "-1", "greater than or equal to 0"),
    ],
)
def test_a_wrong_address_kind_or_age_is_refused_by_the_name_of_its_variable(name, value, words):
    with pytest.raises(ConfigError, match=name) as refused:
        Settings.load(None, env={name: value})
    assert words in str(refused.value)
    assert "example.org" not in str(refused.value)


def test_every_name_of_the_brief_and_the_contract_is_a_setting():
    names = (
        "CAISO_ENABLED CAISO_API_KEY PJM_ENABLED PJM_USERNAME PJM_PASSWORD ERCOT_API_KEY NYISO_API_KEY EIA_ENABLED "
        "EIA_API_KEY NYMEX_API_KEY REDIS_URL ALERT_WEBHOOK_URL PJM_API_KEY ERCOT_USERNAME ERCOT_PASSWORD DATABASE_URL "
        "OPEN_METEO_BASE_URL NWS_UPDATE_INTERVAL VIBELUX_DATA_DIR ALERT_ALLOW_PRIVATE PRICE_CHANGE_THRESHOLD "
        "STALE_DATA_THRESHOLD"
    )
    assert [name for name in names.split() if name.lower() not in NAMES] == []


def test_every_feed_belongs_to_a_provider_that_can_be_set():
    assert {feed.provider for feed in all_feeds()} <= set(PROVIDERS)


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path):
    path = written(
        tmp_path, 'stale_data_threshold = 600\nprice_change_threshold = 0.1\nvibelux_data_dir = "from-file"\n'
    )
    env = {"STALE_DATA_THRESHOLD": "1200", "VIBELUX_DATA_DIR": "from-env", "PRICE_CHANGE_THRESHOLD": ""}
    assert Settings.load(path, env=env).stale_data_threshold == 1200.0
    assert Settings.load(path, env=env).data_dir == Path("from-env")
    assert Settings.load(path, env=env).price_change_threshold == 0.1
    assert Settings.load(path, env=env, data_dir=Path("told")).data_dir == Path("told")


def test_a_provider_is_set_by_flat_name_by_table_and_by_variable(tmp_path):
    path = written(
        tmp_path,
        'pjm_enabled = false\n[providers.open_meteo]\nenabled = true\nbase_url = "http://127.0.0.1:9/om/"\n'
        "[providers.caiso]\nupdate_interval = 60\n",
    )
    settings = Settings.load(path, env={"CAISO_BASE_URL": "http://127.0.0.1:9", "NWS_UPDATE_INTERVAL": "7200"})
    assert not settings.provider_enabled("pjm")
    assert settings.provider_enabled("open-meteo")
    assert settings.base_url("open-meteo") == "http://127.0.0.1:9/om"
    assert settings.base_url("caiso") == "http://127.0.0.1:9"
    assert (settings.update_interval("caiso"), settings.update_interval("nws")) == (60.0, 7200.0)


def test_a_vtn_is_asked_once_its_address_is_known_and_its_secret_is_hidden():
    keys = {"OPENADR_CLIENT_ID": "ven", "OPENADR_CLIENT_SECRET": "hush-hush"}
    assert not Settings.load(None, env=keys).provider_enabled("openadr")
    settings = Settings.load(None, env=keys | {"OPENADR_BASE_URL": "https://vtn.example.com/openadr3/"})
    assert settings.provider_enabled("openadr")
    assert "hush-hush" not in repr(settings)
    with pytest.raises(ConfigError, match="OPENADR_TOKEN_URL"):
        Settings.load(None, env={"OPENADR_TOKEN_URL": "vtn.example.com"})


def test_keyless_sources_are_on_others_come_on_with_their_key_and_terms_must_be_accepted():
    bare = Settings.load(None, env={})
    assert bare.provider_enabled("caiso")
    assert not bare.provider_enabled("pjm", ("PJM_API_KEY",))
    assert bare.missing_keys(("PJM_API_KEY", "ERCOT_API_KEY|ERCOT_USERNAME")) == (
        "PJM_API_KEY",
        "ERCOT_API_KEY|ERCOT_USERNAME",
    )
    assert not bare.provider_enabled("open-meteo")
    assert not bare.provider_enabled("nymex")
    given = Settings.load(None, env={"PJM_API_KEY": "k", "ERCOT_USERNAME": "u", "NYMEX_ENABLED": "true"})
    assert given.provider_enabled("pjm", ("PJM_API_KEY",))
    assert given.missing_keys(("ERCOT_API_KEY|ERCOT_USERNAME",)) == ()
    assert given.provider_enabled("nymex")
    assert not Settings.load(None, env={"PJM_API_KEY": "k", "PJM_ENABLED": "false"}).provider_enabled(
        "pjm", ("PJM_API_KEY",)
    )
    assert not Settings.load(None, env={"PJM_ENABLED": "true"}).provider_enabled("pjm", ("PJM_API_KEY",))


def test_secrets_are_found_by_name_and_never_printed():
    env = {
        "PJM_API_KEY": "s3cret-key",
        "PJM_PASSWORD": "s3cret-word",
        "DATABASE_URL": "postgresql://u:s3cret@h/d",
        "REDIS_URL": "redis://:s3cret@h",
        "ALERT_WEBHOOK_URL": "https://hooks.example/s3cret",
    }
    settings = Settings.load(None, env=env)
    for name, value in env.items():
        found = settings.secret(name)
        assert found is not None
        assert found.get_secret_value() == value
    assert settings.secret("EIA_API_KEY") is None
    assert "s3cret" not in repr(settings) + str(settings) + str(settings.model_dump())


@pytest.mark.parametrize("name", ["PJM_API_KEYS", "STALE_DATA_THRESHOLD", "FACILITIES"])
def test_what_is_no_secret_cannot_be_asked_for_as_one(name):
    with pytest.raises(ConfigError, match=name):
        Settings.load(None, env={}).secret(name)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("stale_data_treshold = 900\n", 1, "stale_data_treshold: unknown key; did you mean stale_data_threshold?"),
        ("\n\ncaiso_enabeld = true\n", 3, "caiso_enabeld: unknown key; did you mean caiso_enabled?"),
        ("# note\n[providers.ciaso]\nenabled = true\n", 2, "providers.ciaso: unknown provider; did you mean caiso?"),
        ("[providers.caiso]\nenabled = true\nbase_ulr = 'x'\n", 3, "base_ulr: unknown key; did you mean base_url?"),
        ("a = 1\n", 1, "a: unknown key"),
        ("\nstale_data_threshold = 'soon'\n", 2, "stale_data_threshold: should be a valid number"),
        ("stale_data_threshold = -1\n", 1, "stale_data_threshold: should be greater than 0"),
        ("price_change_threshold = nan\n", 1, "price_change_threshold: should be"),
        ("caiso_enabled = 'yes'\n", 1, "caiso_enabled: should be a valid boolean"),
        ("[providers.caiso]\nbase_url = 'ftp://x'\n", 2, "base_url: should be an http or https URL"),
        ("providers = 3\n", 1, "providers: should be a table"),
        ("providers.caiso = 3\n", 1, "providers.caiso: should be a table"),
        ("facilities = 3\n", 1, "facilities: should be"),
        ("a = 1\nb = \n", 2, "not TOML"),
        ("[x\n", 1, "not TOML"),
    ],
)
def test_a_wrong_file_is_told_with_line_key_and_nearest_key(tmp_path, text, line, told):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        Settings.load(path, env={})
    assert f"{path} line {line}" in str(error.value)
    assert told in str(error.value)
    assert error.value.exit_code == 2


def test_a_wrong_variable_is_told_by_its_name():
    with pytest.raises(ConfigError, match="environment variable STALE_DATA_THRESHOLD: should be a valid number"):
        Settings.load(None, env={"STALE_DATA_THRESHOLD": "soon"})
    with pytest.raises(ConfigError, match="environment variable CAISO_UPDATE_INTERVAL: should be greater than 0"):
        Settings.load(None, env={"CAISO_UPDATE_INTERVAL": "0"})
    with pytest.raises(ConfigError, match="environment variable CAISO_BASE_URL"):
        Settings.load(None, env={"CAISO_BASE_URL": "localhost"})


def test_a_wrong_secret_is_not_shown_in_the_error(tmp_path):
    path = written(tmp_path, "pjm_api_key = 20260714\n")
    with pytest.raises(ConfigError, match="line 1: pjm_api_key") as error:
        Settings.load(path, env={})
    assert "20260714" not in str(error.value)


def test_a_file_that_is_away_or_no_text_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        Settings.load(tmp_path / "none.toml", env={})
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Settings.load(tmp_path / "latin.toml", env={})


def test_a_file_with_one_facility_is_a_configuration_too(tmp_path):
    path = written(tmp_path, 'id = "f-1"\niso_region = "CAISO"\n')
    assert Settings.load(path, env={}).facilities == ({"id": "f-1", "iso_region": "CAISO"},)


def test_lines_are_found_through_comments_dotted_keys_and_arrays_of_tables(tmp_path):
    text = """# a = 1
[[a]] # first
[[a.b]]
"c d" = 1
[[a]]
x.y = { z = 1 }
[[a.b]]
[[a.b]]
k = [
  1,
]
"""
    path = written(tmp_path, text)
    file = _toml.TomlFile.read(path)
    assert file.where(("a", 0, "b", 0, "c d")) == f"{path} line 4: a[0].b[0].c d"
    assert file.line_of(("a", 1)) == 5
    assert file.line_of(("a", 1, "x", "y", "z")) == 6
    assert file.line_of(("a", 1, "b", 1, "k", 0)) == 9
    assert file.line_of(("nowhere",)) == 1
    assert file.where(()) == f"{path} line 1"


def test_an_identity_provider_is_set_whole_or_not_at_all():
    given = {"JWT_ISSUER": "https://id.example", "JWT_AUDIENCE": "vibelux", "JWT_KEYS": "https://id.example/jwks"}
    settings = Settings.load(None, env=given | {"REQUESTS_PER_MINUTE": "0"})
    assert (settings.jwt_issuer, settings.jwt_scopes_claim, settings.requests_per_minute) == (
        "https://id.example",
        "scope",
        0.0,
    )
    for left_out in given:
        with pytest.raises(ConfigError, match="go together"):
            Settings.load(None, env={name: text for name, text in given.items() if name != left_out})
