"""Who asks upstreams as the operator has set it: keys, addresses, and how we call ourselves."""

from vibelux.config import PROVIDERS, Settings
from vibelux.ingest.budget import Budget
from vibelux.ingest.client import Tap, Upstream
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.wire import USER_AGENT
from vibelux.market.clock import Clock

_KINDS_OF_KEY = ("API_KEY", "USERNAME", "PASSWORD")


def upstream_of(
    settings: Settings,
    clock: Clock,
    *,
    budget: Budget | None = None,
    metrics: Metrics | None = None,
    tap: Tap | None = None,
) -> Upstream:
    """An upstream with everything that the settings say of it."""
    contact = settings.operator_contact
    return Upstream(
        clock,
        budget=budget,
        credentials=_credentials(settings),
        base_urls=_base_urls(settings),
        metrics=metrics,
        tap=tap,
        user_agent=USER_AGENT if contact is None else f"{USER_AGENT} {contact}",
    )


def _credentials(settings: Settings) -> Credentials:
    """All keys that are set: those that feeds need, and those with which a request of a keyless feed is made."""
    names = [f"{provider.replace('-', '_').upper()}_{kind}" for provider in PROVIDERS for kind in _KINDS_OF_KEY]
    names += ["OPENADR_CLIENT_ID", "OPENADR_CLIENT_SECRET"]
    secrets = {name: settings.secret(name) for name in names}
    return Credentials(secrets, vtn_token_url=settings.openadr_token_url)


def _base_urls(settings: Settings) -> dict[str, str]:
    """The providers whose addresses are set otherwise."""
    return {name: url for name in PROVIDERS if (url := settings.base_url(name)) is not None}
