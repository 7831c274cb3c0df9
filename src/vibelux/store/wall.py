"""The second wall between tenants: PostgreSQL itself gives a request the rows of its own facilities and no others.

Every table with a `facility_id` (and `facilities`, and the series that sites measure, by `location`) has a policy that
compares it with `vibelux.facilities`, a setting of the transaction. A demand-response event that names nobody but other
facilities is hidden too; whom a region or a programme's name means is for the reader to say. Whoever leaves the setting
alone sees everything: the desk, the collector, the command line. Requests in a key's name go through
`Database.limited_to`, which sets it, and there a forgotten WHERE shows nothing.

Superusers pass every policy, so where we are one (the embedded server) such a transaction also takes the role
`vibelux_tenant`. Where we may not make a role the policies are forced upon us as the tables' owner.
"""

import psycopg
import structlog
from psycopg import sql

_log = structlog.get_logger(__name__)

ROLE = "vibelux_tenant"
_LOCK = 0x7669_6265_7761_6C6C

_NOT_FOR_TENANTS = ("api_keys", "service_secrets", "idempotent_replies", "dr_owners")
_FACILITY = (
    "CASE WHEN c.relname = 'facilities' THEN 'id'"
    " WHEN c.relname IN ('series_values', 'series_values_revisions') THEN 'location'"
    " WHEN c.relname IN ('dr_events', 'dr_events_revisions') THEN 'targets' ELSE 'facility_id' END"
)

_OPEN_TABLES = f"""
SELECT c.relname, {_FACILITY}, p.oid IS NOT NULL, c.relforcerowsecurity
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = {_FACILITY}
LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'own_facilities'
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""  # noqa: S608 (made of our own names)
_OWN = """
CREATE OR REPLACE FUNCTION vibelux_facilities() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT NULLIF(current_setting('vibelux.facilities', true), '')::text[] $$
"""
# Sees every facility, whoever asks: which of an event's targets are facilities does not depend on the reader. The
# setting is lifted by hand, since only a superuser may tie a setting of ours to a function.
_ALL_FACILITIES = """
CREATE OR REPLACE FUNCTION vibelux_names_facilities_alone(targets jsonb) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    limit_before text := current_setting('vibelux.facilities', true);
    answer boolean;
BEGIN
    PERFORM set_config('vibelux.facilities', '', true);
    answer := targets <> '[]' AND targets <@ (SELECT COALESCE(jsonb_agg(id), '[]') FROM facilities);
    PERFORM set_config('vibelux.facilities', limit_before, true);
    RETURN answer;
END $$
"""
# Wrapped in SELECTs, so that the setting is looked at once a statement, not once a row.
_POLICY = sql.SQL("CREATE POLICY own_facilities ON {} USING ((SELECT vibelux_facilities()) IS NULL OR {})")
_IS_OWN = "= ANY ((SELECT vibelux_facilities())::text[])"
_OWN_ROWS = {
    "id": sql.SQL(f"id {_IS_OWN}"),
    "facility_id": sql.SQL(f"facility_id {_IS_OWN}"),
    "location": sql.SQL(f"location {_IS_OWN} OR provider <> 'site'"),
    "targets": sql.SQL("targets ?| (SELECT vibelux_facilities()) OR NOT vibelux_names_facilities_alone(targets)"),
}


async def raise_wall(connection: psycopg.AsyncConnection) -> str | None:
    """Gives every table of facilities its policy; the role that limited transactions take, None where none is needed.

    Args:
        connection: in autocommit mode, as the owner of the tables.

    Raises:
        psycopg.Error: the tables are another's.
    """
    await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        role = ROLE if await _role_is_ours(connection) else None
        await _put_policies(connection, forced=role is None)
        if role is not None:
            await _grant(connection)
        elif await _passes_policies(connection):
            _log.warning("row-level security does not hold for this database user, and it may not make a role")
    finally:
        if not connection.broken:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return role


async def _role_is_ours(connection: psycopg.AsyncConnection) -> bool:
    """Whether transactions may take the role, which is made if that is allowed. Roles belong to the whole server."""
    name = sql.Identifier(ROLE)
    if await _one(connection, "SELECT to_regrole(%s) IS NULL", ROLE):
        try:
            await connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
            await connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
        except psycopg.errors.InsufficientPrivilege:
            return False
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            _log.debug("another database of this server has just made the role")
    try:
        async with connection.transaction():
            await connection.execute(sql.SQL("SET LOCAL ROLE {}").format(name))
            return not await _passes_policies(connection)
    except psycopg.errors.InsufficientPrivilege:
        return False


async def _put_policies(connection: psycopg.AsyncConnection, *, forced: bool) -> None:
    tables = await (await connection.execute(_OPEN_TABLES)).fetchall()
    if not all(has_policy for _, _, has_policy, _ in tables):
        await connection.execute(_OWN)
        await connection.execute(_ALL_FACILITIES)
    for table, column, has_policy, is_forced in tables:
        name = sql.Identifier(table)
        async with connection.transaction():
            if not has_policy:
                await connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name))
                await connection.execute(_POLICY.format(name, _OWN_ROWS[column]))
            if forced and not is_forced:
                await connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name))


async def _grant(connection: psycopg.AsyncConnection) -> None:
    """Lets the role read everything but secrets, and change facilities."""
    role = sql.Identifier(ROLE)
    schema = sql.Identifier(str(await _one(connection, "SELECT current_schema()")))
    granted = "SELECT has_table_privilege(%s, 'facilities', 'DELETE') AND NOT has_table_privilege(%s, %s, 'SELECT')"
    if await _one(connection, granted, ROLE, ROLE, _NOT_FOR_TENANTS[-1]):
        return
    secret = sql.SQL(", ").join(map(sql.Identifier, _NOT_FOR_TENANTS))
    async with connection.transaction():
        for statement in (
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {role}",
            "REVOKE ALL ON {secret} FROM {role}",
            "GRANT INSERT, UPDATE, DELETE ON facilities TO {role}",
        ):
            await connection.execute(sql.SQL(statement).format(role=role, schema=schema, secret=secret))


async def _passes_policies(connection: psycopg.AsyncConnection) -> bool:
    return bool(await _one(connection, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"))


async def _one(connection: psycopg.AsyncConnection, statement: str, *values: object) -> object:
    row = await (await connection.execute(statement, values or None)).fetchone()
    return row[0] if row else None
