"""The only room that speaks SQL: the embedded server, migrations, writer, reader (latest, as of), keys, outbox."""
