"""A VTN of OpenADR 3 on loopback: programmes of events, client credentials, paging and the programme filter.

There is no VTN of version 3 in a package of the index; this one keeps to the specification's 3.0.1 and 3.1.0: tokens by
POST auth/token, `GET /events?programID=&skip=&limit=` with at most 50 events, problems as `{title, status, detail}`.
"""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from ingest.stand_in import Answer, Asked

CLIENT, SECRET = "ven-salinas", "a secret of the VTN's own"
BASE = "/openadr3/3.1.0"


class Vtn:
    """Answers requests; tests put events in, change and delete them."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.tokens = 0
        self.revoked = 0
        """Tokens up to this one are no longer good."""
        self.token_path = f"{BASE}/auth/token"

    def put(self, event_id: str, program: str, **more: Any) -> None:
        self.events[event_id] = {"id": event_id, "objectType": "EVENT", "programID": program} | more

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        if parts.path == self.token_path:
            return self._token(asked)
        if parts.path != f"{BASE}/events" or asked.method != "GET":
            return problem(404, "Not Found")
        token = asked.headers.get("authorization", "").removeprefix("Bearer token-")
        if not token.isdigit() or not self.revoked < int(token) <= self.tokens:
            return problem(403, "Forbidden")
        query = parse_qs(parts.query)
        skip, limit = (int(query.get(name, [default])[0]) for name, default in (("skip", "0"), ("limit", "50")))
        if limit > 50:
            return problem(400, "Bad Request")
        programs = query.get("programID")
        found = [one for one in self.events.values() if programs is None or one["programID"] in programs]
        return answer(found[skip : skip + limit])

    def _token(self, asked: Asked) -> Answer:
        form = dict(parse_qsl(asked.body.decode()))
        if form != {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}:
            return answer({"error": "invalid_client"}, status=400)
        self.tokens += 1
        return answer({"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": 3600})


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def problem(status: int, title: str) -> Answer:
    return answer({"title": title, "status": status, "detail": f"{title}: says the VTN"}, status)
