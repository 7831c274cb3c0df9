"""The settings: one frozen object from defaults, `vibelux.toml` and the environment, the later ones winning.

Every setting has one name: upper case in the environment (`STALE_DATA_THRESHOLD`), lower case in the file
(`stale_data_threshold`). Those of a provider may also stand in a table of their own:

    [providers.caiso]
    enabled = true
    update_interval = 300
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from vibelux._toml import Place, TomlFile, dotted, first_fault, nearest
from vibelux.config_alerts import AlertSettings
from vibelux.config_costs import CostSettings
from vibelux.config_telemetry import TelemetrySettings
from vibelux.market.alert_kinds import DEFAULTS, AlertKind, Standing, kinds_named
from vibelux.market.errors import ConfigError

PROVIDERS = (
    "caiso",
    "pjm",
    "ercot",
    "nyiso",
    "eia",
    "nymex",
    "carb",
    "rggi",
    "offsets",
    "nws",
    "open-meteo",
    "noaa",
    "openadr",
    "site",
)
"""Whom Vibelux asks. A provider's settings are `<PROVIDER>_ENABLED` and so on, `-` written as `_`."""

NO_ADDRESS_OF_ITS_OWN = frozenset({"openadr"})
"""Whoever it is, the operator says by `<PROVIDER>_BASE_URL`; off until then."""

TERMS_LIMITED = frozenset({"open-meteo", "nymex"})
"""Their terms limit use (non-commercial; no redistribution): off until `<PROVIDER>_ENABLED=true` accepts them."""

_HOURLY = frozenset({"eia", "nymex"})


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("should be an http or https URL")
    return url.rstrip("/")


def _mqtt(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError("should be an mqtt or mqtts URL")
    return url


def _redis(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.hostname or parts.scheme == "unix"):
        raise ValueError("should be a redis, rediss or unix URL")
    return url


def _secret_http(url: SecretStr) -> SecretStr:
    _http(url.get_secret_value())
    return url


def _alert_kinds(text: str) -> str:
    kinds_named(text)
    return text


_Days = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ProviderSettings(BaseModel):
    """What can be set for one provider; None means: not given."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    enabled: bool | None = None
    base_url: Annotated[str, AfterValidator(_http)] | None = None
    update_interval: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds between polls of its price feeds."""
    api_key: SecretStr | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None


class Settings(BaseModel):
    """Everything that an operator can set. Secrets never show in its repr."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    data_dir: Annotated[Path, Field(strict=False)] = Path(".vibelux")
    """Folder of the embedded database and the journal; a relative one counts from the working folder."""
    database_url: SecretStr | None = None
    """An external PostgreSQL; None: the embedded one."""
    redis_url: Annotated[SecretStr, AfterValidator(_redis)] | None = None
    """What several processes on one database share: redis://host:6379, rediss:// for TLS, unix:///path."""
    alert_webhook_url: Annotated[SecretStr, AfterValidator(_secret_http)] | None = None
    """Where alerts are posted as JSON."""
    alert_webhook_secret: SecretStr | None = None
    """With it posts are signed."""
    alert_allow_private: bool = False
    """Lets webhooks go to private and loopback addresses."""
    demand_allow_private: bool = False
    """Lets `demand.url` of a facility lead to private and loopback addresses."""
    alert_kinds: Annotated[str, AfterValidator(_alert_kinds)] = ", ".join(AlertKind)
    """What is alerted of; a list with commas."""
    price_change_threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.05
    """Relative change of a price that is worth an alert."""
    stale_data_threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 900.0
    """Seconds after which a 5-minute price is stale."""
    operator_contact: Annotated[str, Field(pattern=r"^[\x21-\x7e]{3,200}$")] | None = None
    """An address that upstreams may write to; it goes into the User-Agent, as the weather service asks."""
    stale_operations_threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 900.0
    """Seconds after which a plan no longer rests on what a site has reported of itself."""
    openadr_client_id: SecretStr | None = None
    """As the VTN knows this VEN, with its secret; its tokens are fetched with them."""
    openadr_client_secret: SecretStr | None = None
    openadr_token_url: Annotated[str, AfterValidator(_http)] | None = None
    """Where these are fetched; None: `auth/token` below `OPENADR_BASE_URL`."""
    mqtt_url: Annotated[SecretStr, AfterValidator(_mqtt)] | None = None
    """The sites' broker: mqtt://user:password@host:1883, or mqtts:// for TLS."""
    cache_ttl_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300.0
    history_days: Annotated[int, Field(ge=0, le=366)] = 28
    """How far back prices of the facilities' nodes are fetched where they are not there: outlooks learn from them."""
    keep_journal_days: Annotated[int, Field(ge=0)] = 30
    """Raw payloads on disk. Of all that is kept so many days: 0 is for ever."""
    keep_feed_days: _Days = 30.0
    """Who was asked when and what came of it, and rows that were set aside."""
    keep_outbox_days: _Days = 7.0
    """Messages to facilities (a client that was away longer gets a fresh snapshot), and the plans behind decisions."""
    keep_decision_days: _Days = 400.0
    """Decisions; the newest of each facility stays."""
    keep_operations_days: _Days = 400.0
    """What sites report of themselves. When engines were switched is kept for ever."""
    keep_alert_days: _Days = 90.0
    keep_price_days: _Days = 0.0
    """Electricity prices, by whole months."""
    requests_per_minute: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 6000.0
    """How much one key may ask over REST, on average; ten seconds' worth at once. 0: as much as it likes."""
    decision_processes: Annotated[int, Field(ge=0, le=256)] | None = None
    """How many processes decide where there are many facilities; None: one a core. 0: this one decides for all."""
    plan_search_seconds: Annotated[float, Field(ge=0, le=240)] = 20.0
    """How long a plan that may be far from the best is searched on from between prices, at low priority; 0: never."""
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_http)] | None = None
    """Where traces go, OTLP over HTTP (http://127.0.0.1:4318), with `vibelux[otel]`; None: there are none."""
    jwt_issuer: str | None = None
    """An identity provider whose bearer tokens are taken beside keys; the two settings below go with it."""
    jwt_audience: str | None = None
    """Whom its tokens are made out to: us."""
    jwt_keys: str | None = None
    """The address of its JSON Web Key Set (https), or a file."""
    jwt_scopes_claim: str = "scope"
    jwt_facilities_claim: str = "facilities"
    """Claims that say what a bearer may do: a text with spaces or a list, `realm_access.roles` for one in an object."""
    telemetry: TelemetrySettings = TelemetrySettings()
    costs: CostSettings = CostSettings()
    alerts: AlertSettings = AlertSettings()
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    facilities: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = ()
    """As the file has them; `dispatch.facility.load_facilities` reads them."""

    @model_validator(mode="after")
    def _whole_identity(self) -> "Settings":
        given = (self.jwt_issuer, self.jwt_audience, self.jwt_keys)
        if any(given) and not all(given):
            raise ValueError("jwt_issuer, jwt_audience and jwt_keys go together")
        return self

    @model_validator(mode="after")
    def _known_providers(self) -> "Settings":
        for name in self.costs.providers:
            if name not in PROVIDERS:
                raise ValueError(f"costs.providers: no provider is called {name}{nearest(name, PROVIDERS)}")
        return self

    @classmethod
    def load(cls, path: Path | None = None, env: Mapping[str, str] = os.environ, **overrides: Any) -> "Settings":
        """The settings in force.

        Args:
            path: `vibelux.toml`, or a file with one facility; None for none.
            env: the environment; an empty variable counts as not set.
            overrides: fields of this class, for what a command line gives; they win over both.

        Raises:
            ConfigError: a wrong key, type or value; the text names file and line (or variable), key and nearest key.
        """
        file = TomlFile.read(path) if path is not None else None
        given = _Given()
        if file is not None:
            given.add_file(file)
        given.add_environment(env)
        for name, value in overrides.items():
            given.put((name,), value, name)
        try:
            return cls.model_validate(given.data)
        except ValidationError as error:
            place, what = first_fault(error, cls, show_values=False)
            raise ConfigError(f"{given.where(place)}: {what}") from error

    def provider_enabled(self, name: str, needs_key: Iterable[str] = ()) -> bool:
        """Whether a provider's feed runs: keyless ones by default, others once their key is given.

        Args:
            name: the provider.
            needs_key: settings without which the feed stays off; `A|B` means that one of them is enough.
        """
        if self.missing_keys(needs_key) or (name in NO_ADDRESS_OF_ITS_OWN and self.base_url(name) is None):
            return False
        enabled = self._provider(name).enabled
        return enabled if enabled is not None else name not in TERMS_LIMITED

    def missing_keys(self, needs_key: Iterable[str]) -> tuple[str, ...]:
        """Those of the keys a feed needs that are not set, by their names in the environment."""
        return tuple(
            names for names in needs_key if not any(self.secret(name) is not None for name in names.split("|"))
        )

    def alert_standing(self, kind: AlertKind, facility_id: str) -> Standing | None:
        """What holds for a kind of alert of a facility; None where it is switched off by a rule."""
        usual = DEFAULTS[kind]
        if kind is AlertKind.PRICE_CHANGE:
            usual = replace(usual, threshold=self.price_change_threshold)
        return self.alerts.standing(kind, facility_id, usual)

    def base_url(self, provider: str) -> str | None:
        """Below which all URLs of the provider hang instead of their own hosts, without a slash at the end."""
        return self._provider(provider).base_url

    def update_interval(self, provider: str) -> float:
        """Seconds between polls of the provider's price feeds."""
        given = self._provider(provider).update_interval
        return given if given is not None else 3600.0 if provider in _HOURLY else 300.0

    def secret(self, name: str) -> SecretStr | None:
        """A key by its name in the environment, such as `PJM_API_KEY`; None when it is not set.

        Raises:
            ConfigError: no setting has that name, or it is not a secret.
        """
        place = NAMES.get(name.lower(), ())
        holder = self._provider(str(place[1])) if len(place) == 3 else self
        value = getattr(holder, str(place[-1])) if place else ""
        if value is not None and not isinstance(value, SecretStr):
            raise ConfigError(f"no secret is called {name!r}{nearest(name.lower(), NAMES)}")
        return value

    def _provider(self, name: str) -> ProviderSettings:
        return self.providers.get(name, ProviderSettings())


_TABLES = frozenset({"providers", "facilities", "telemetry", "costs", "alerts"})
"""What stands in the file only, in tables of its own."""


def _all_names() -> dict[str, Place]:
    names: dict[str, Place] = {name: (name,) for name in Settings.model_fields if name not in _TABLES}
    names["vibelux_data_dir"] = ("data_dir",)
    for provider in PROVIDERS:
        for field in ProviderSettings.model_fields:
            names[f"{provider.replace('-', '_')}_{field}"] = ("providers", provider, field)
    return names


NAMES = _all_names()
"""Every flat name (lower case: in the file; upper case: in the environment) and the place that it sets."""

_FILE_ONLY = frozenset({"data_dir"})
"""Too general a name for an environment; there it is `VIBELUX_DATA_DIR`."""


class _Given:
    """What was given, by place, and how to name a place that turns out wrong."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self._told: dict[Place, str] = {}

    def put(self, place: Place, value: object, told: str) -> None:
        table = self.data
        for step in place[:-1]:
            table = table.setdefault(str(step), {})
        table[str(place[-1])] = value
        self._told[place] = told

    def where(self, place: Place) -> str:
        """How the operator named the place, or the nearest place above it."""
        for depth in range(len(place), 0, -1):
            if place[:depth] in self._told:
                told = self._told[place[:depth]]
                return told if depth == len(place) else f"{told} ({dotted(place)})"
        return dotted(place)

    def add_file(self, file: TomlFile) -> None:
        if "id" in file.data and "facilities" not in file.data:
            self.put(("facilities",), [file.data], file.where(()))
            return
        for key, value in file.data.items():
            if key == "providers":
                self._add_providers(file, value)
            elif key == "telemetry":
                self._add_telemetry(file, value)
            elif key in {"costs", "alerts"}:
                self._add_table(file, key, value)
            elif key in NAMES:
                self.put(NAMES[key], value, file.where((key,)))
            elif key == "facilities":
                self.put((key,), value, file.where((key,)))
            else:
                hint = nearest(key, [*NAMES, *_TABLES])
                raise ConfigError(f"{file.where((key,))}: unknown key{hint}")

    def _add_providers(self, file: TomlFile, tables: object) -> None:
        for name, table in _table(file, ("providers",), tables).items():
            provider = name.replace("_", "-")
            if provider not in PROVIDERS:
                raise ConfigError(f"{file.where(('providers', name))}: unknown provider{nearest(provider, PROVIDERS)}")
            for key, value in _table(file, ("providers", name), table).items():
                self.put(("providers", provider, key), value, file.where(("providers", name, key)))

    def _add_telemetry(self, file: TomlFile, value: object) -> None:
        """Register maps lie beside the file."""
        table = _table(file, ("telemetry",), value)
        devices = table.get("modbus")
        for device in devices if isinstance(devices, list) else ():
            if isinstance(device, dict) and isinstance(device.get("map"), str):
                device["map"] = file.path.parent / device["map"]
        self._add_table(file, "telemetry", table)

    def _add_table(self, file: TomlFile, name: str, value: object) -> None:
        """A table as it is, each place told by its own line."""
        table = _table(file, (name,), value)
        self.put((name,), table, file.where((name,)))
        self._told |= {place: file.where(place) for place in _places((name,), table)}

    def add_environment(self, env: Mapping[str, str]) -> None:
        for name, place in NAMES.items():
            text = env.get(name.upper(), "")
            if text and name not in _FILE_ONLY:
                model = ProviderSettings if len(place) == 3 else Settings
                self.put(place, _typed(name, text, model.model_fields[str(place[-1])].annotation), _variable(name))


def _places(place: Place, value: object) -> Iterator[Place]:
    """The place of everything in a table."""
    steps: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, inner in steps:
        yield (*place, step)
        yield from _places((*place, step), inner)


def _table(file: TomlFile, place: Place, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{file.where(place)}: should be a table")
    return value


def _variable(name: str) -> str:
    return f"environment variable {name.upper()}"


def _typed(name: str, text: str, annotation: Any) -> Any:
    """The text of a variable as the type that its setting has."""
    try:
        return TypeAdapter(annotation).validate_python(text, strict=False)
    except ValidationError as error:
        raise ConfigError(f"{_variable(name)}: {error.errors()[0]['msg'].removeprefix('Input ')}") from error
